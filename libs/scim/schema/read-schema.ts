import { isObject } from '../json.ts'
import type { Attribute } from './attribute.ts'
import { enterpriseUserSchema } from './enterprise-user.ts'
import { AttributeReader } from './read-attribute.ts'
import type { Schema } from './resource-type.ts'
import { resourceTypes } from './resource-types.ts'
import { SchemaFaults } from './schema-faults.ts'
import type { SchemaFault } from './schema-faults.ts'

export const schemaSchema = 'urn:ietf:params:scim:schemas:core:2.0:Schema'

/** What the schema of one extension may ask of the server. */
export const schemaLimits = {
  /** Characters of the document as JSON without spaces. */
  size: 65_536,
  /** Attributes, sub-attributes included. */
  attributes: 200,
  /** Characters of its URN. */
  urn: 200,
}

export type ReadSchema =
  | { readonly schema: Schema }
  /** At least one; all that were found. */
  | { readonly faults: readonly SchemaFault[] }

/**
 * An extension schema as an operator writes it (RFC 7643 section 7), with every characteristic said: what is left out has the
 * defaults of section 2.2, a binary or reference is caseExact (sections 2.3.6 and 2.3.7), and what is writeOnly is never returned.
 * Whether its URN is free is for `schemaClash`.
 */
export function readSchema(document: unknown): ReadSchema {
  const faults = new SchemaFaults()
  if (!isObject(document)) {
    return { faults: [{ path: [], cause: 'is no object', fix: 'send a Schema document of RFC 7643 section 7' }] }
  }
  if (JSON.stringify(document).length > schemaLimits.size) {
    const cause = `is longer than ${schemaLimits.size} characters`
    return { faults: [{ path: [], cause, fix: 'divide it into several schemas' }] }
  }
  const fields = faults.fieldsOf(document, ['schemas', 'id', 'name', 'description', 'attributes', 'meta'], [])
  const id = readUrn(fields['id'], faults)
  checkSchemas(fields['schemas'], faults)
  const name = faults.textOf(fields['name'], ['name'], 200) ?? id.slice(id.lastIndexOf(':') + 1)
  const description = faults.textOf(fields['description'], ['description'], 2_000) ?? ''
  const attributes = readAttributes(fields['attributes'], faults)
  if (faults.found.length > 0) return { faults: faults.found }
  return { schema: { id, name, description, attributes } }
}

/** Parts of letters, digits, `-`, `_`, `.` and `~`: what stands in a path, a filter and an address as it is. */
const urnPattern = /^urn:[a-z0-9][a-z0-9-]{0,30}[a-z0-9](:[\w.~-]+)+$/i
/** The URNs of RFC 7643 section 10.2.2 and of RFC 7644 section 8.2; the one of extensions is for everyone to use. */
const reservedUrns = /^urn:ietf:params:scim:(schemas:core|api)(:|$)/i

function readUrn(value: unknown, faults: SchemaFaults): string {
  const urn = typeof value === 'string' ? value : ''
  if (!urnPattern.test(urn) || urn.length > schemaLimits.urn) {
    faults.add(
      ['id'],
      `is no URN of at most ${schemaLimits.urn} characters, with parts of letters, digits, "-", "_", "." and "~"`,
      'write one like urn:example:params:scim:schemas:extension:payroll:1.0:User',
    )
  } else if (reservedUrns.test(urn)) {
    faults.add(['id'], 'is a URN that SCIM itself defines', 'choose one of your own')
  }
  return urn
}

function checkSchemas(value: unknown, faults: SchemaFaults): void {
  if (value === undefined) return
  const list: unknown[] = Array.isArray(value) ? value : []
  if (!list.some((urn) => String(urn).toLowerCase() === schemaSchema.toLowerCase())) {
    faults.add(['schemas'], `does not hold ${schemaSchema}`, 'name it there, or leave "schemas" out')
  }
}

function readAttributes(value: unknown, faults: SchemaFaults): Attribute[] {
  if (!Array.isArray(value) || value.length === 0) {
    faults.add(['attributes'], 'is no array of attributes', 'define at least one')
    return []
  }
  const attributes = new AttributeReader(faults).readAll(value, ['attributes'])
  const count = attributes.reduce((sum, { subAttributes = [] }) => sum + 1 + subAttributes.length, 0)
  if (count > schemaLimits.attributes) {
    const cause = `holds more than ${schemaLimits.attributes} attributes, sub-attributes included`
    faults.add(['attributes'], cause, 'divide them among several schemas')
  }
  return attributes
}

/**
 * Why a schema of that URN cannot stand beside the schemas of SCIM and these: undefined when it can. Two URNs clash when they
 * differ in letter case alone, and when one of them, taken as a path, names an attribute of the other.
 */
export function schemaClash(schema: Schema, present: readonly Schema[]): string | undefined {
  const own = schema.id.toLowerCase()
  const all = [resourceTypes.User.schema, resourceTypes.Group.schema, enterpriseUserSchema, ...present]
  for (const other of all) {
    if (other.id.toLowerCase() === own) return `${other.id} is there already`
    if (pathsOf(schema).has(other.id.toLowerCase())) return `an attribute of it would have the path ${other.id}`
    if (pathsOf(other).has(own)) return `${schema.id} is the path of an attribute of ${other.id}`
  }
  return undefined
}

function pathsOf({ id, attributes }: Schema): ReadonlySet<string> {
  const names = attributes.flatMap(({ name, subAttributes = [] }) => [
    name,
    ...subAttributes.map((sub) => `${name}.${sub.name}`),
  ])
  return new Set(names.map((name) => `${id}:${name}`.toLowerCase()))
}
