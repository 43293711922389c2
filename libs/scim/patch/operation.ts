import { below, deviations } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { errors } from '../error.ts'
import type { AttributePath, Filter } from '../filter/filter.ts'
import { parseAttributePath } from '../filter/parse.ts'
import { isObject } from '../json.ts'
import type { JsonValue } from '../json.ts'
import { caselessFields, namesSchema } from '../message.ts'

/** Where an operation points to: an attribute, or with a filter some elements of it, or with `sub` a part of those. */
export interface PatchPath {
  /** The attribute; before a filter it has no sub-attribute. */
  readonly path: AttributePath
  readonly filter?: Filter
  /** The sub-attribute after a filter: emails[type eq "work"].value. */
  readonly sub?: string
}

/** One operation of a PATCH, RFC 7644 section 3.5.2. */
export interface PatchOperation {
  readonly op: 'add' | 'replace' | 'remove'
  readonly path?: PatchPath
  readonly value?: JsonValue
  /** JSON pointer to the operation in the body. */
  readonly pointer: string
}

export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** How many operations one PATCH may have. */
export const maximumOperations = 1000

/**
 * The operations of a PATCH, from its body. Any letter case of `op` and of the keys is taken. `schemas` must hold PatchOp unless the PATCH
 * is part of a bulk request, where the operations may also come as a bare array, as in RFC 7644 section 3.7.3. Throws `invalidSyntax`, `invalidPath`, `invalidFilter`, `invalidValue` (no value to add or replace), `noTarget` (remove
 * without path) and `tooMany` (more than `maximumOperations`).
 */
export function parsePatch(
  body: unknown,
  found = new Diagnosis(),
  { insideBulk = false }: { readonly insideBulk?: boolean } = {},
): PatchOperation[] {
  const { list, place } = listIn(body, insideBulk, found)
  if (list.length > maximumOperations) {
    throw errors.tooMany(`The PATCH has more than ${maximumOperations} operations. Split it into several requests.`)
  }
  if (list.length === 0) found.push(deviations.emptyOperations(place))
  return list.map((operation, index) => parseOperation(operation, below(place, index), found))
}

function listIn(body: unknown, insideBulk: boolean, found: Diagnosis): { list: JsonValue[]; place: string } {
  if (insideBulk && isArray(body)) return { list: body, place: found.place }
  if (!isObject(body)) throw errors.invalidSyntax('The body is not a JSON object. Send a PatchOp message.')
  const fields = caselessFields(body)
  if (!namesSchema(fields.get('schemas'), patchSchema)) {
    if (!insideBulk) {
      throw errors.invalidSyntax(`"schemas" does not hold ${patchSchema}. Send it with every PATCH.`)
    }
    found.push(deviations.missingSchema(below(found.place, 'schemas'), patchSchema))
  }
  const list = fields.get('operations')
  if (!Array.isArray(list)) throw errors.invalidSyntax('"Operations" is not an array. Send the operations as one.')
  return { list, place: below(found.place, 'Operations') }
}

function isArray(value: unknown): value is JsonValue[] {
  return Array.isArray(value)
}

function parseOperation(operation: JsonValue, pointer: string, found: Diagnosis): PatchOperation {
  if (!isObject(operation))
    throw errors.invalidSyntax(`The operation at ${pointer} is not an object. Send {"op": ...}.`)
  const fields = caselessFields(operation)
  const op = parseOp(fields.get('op'), pointer, found)
  const text = fields.get('path') ?? ''
  if (typeof text !== 'string') {
    throw errors.invalidPath(`The path of the operation at ${pointer} is not a string. Send it like "name.givenName".`)
  }
  const value = fields.get('value')
  if (op === 'remove' && text === '') {
    throw errors.noTarget(`The "remove" at ${pointer} has no path. Name the attribute to remove.`)
  }
  if (op !== 'remove' && value === undefined) {
    throw errors.invalidValue(
      `The "${op}" at ${pointer} has no value. Send one${op === 'replace' ? '; null clears the attribute' : ''}.`,
    )
  }
  return {
    op,
    ...(text === '' ? {} : { path: parseAttributePath(text.trim(), found, below(pointer, 'path')) }),
    ...(value === undefined ? {} : { value }),
    pointer,
  }
}

function parseOp(op: JsonValue | undefined, pointer: string, found: Diagnosis): PatchOperation['op'] {
  const word = typeof op === 'string' ? op.trim().toLowerCase() : ''
  if (word === 'add' || word === 'replace' || word === 'remove') {
    if (op !== word) found.pushOnce(deviations.operationLetterCase(below(pointer, 'op')))
    return word
  }
  const cause = word === '' ? 'has no "op"' : 'has an "op" that is none'
  throw errors.invalidSyntax(`The operation at ${pointer} ${cause}. Use add, replace or remove.`)
}

/** Where the path of an operation stands in the body: its own `path`, or the key of a value without one. */
export function pathPointer(operation: PatchOperation, valuePointer: string): string {
  return operation.path === undefined ? valuePointer : below(operation.pointer, 'path')
}
