import { below, deviations } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { errors } from '../error.ts'
import type { ScimError } from '../error.ts'
import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import { caselessFields, namesSchema } from '../message.ts'
import { replaceInAddress, replaceReferences } from './references.ts'

export const bulkRequestSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest'

/** How many operations one bulk request may have: `maxOperations` of the ServiceProviderConfig. */
export const maximumBulkOperations = 1000

const methods = ['POST', 'PUT', 'PATCH', 'DELETE'] as const
/** Of HTTP (RFC 9110 section 9), and of no operation of a bulk request. */
const otherMethods = ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'CONNECT'] as const
export type BulkMethod = (typeof methods)[number]
export type OtherMethod = (typeof otherMethods)[number]

/** One operation of a bulk request, RFC 7644 section 3.7. */
export interface BulkOperation {
  /** Its place in the request, from 0. */
  readonly index: number
  /** JSON pointer to it in the body. */
  readonly pointer: string
  /** One of the others comes with a `fault`; absent where it is no method at all. */
  readonly method?: BulkMethod | OtherMethod
  /** Below the base URL, without a query: /Users, /Users/id or /Users/bulkId:x. */
  readonly path?: string
  readonly bulkId?: string
  /** What an If-Match header would say. */
  readonly version?: string
  readonly data?: JsonValue
  /** The bulkIds that it refers to, in its path and its data, each once. */
  readonly references: readonly string[]
  /** Why it cannot be done, known from the request alone. */
  readonly fault?: ScimError
}

export interface BulkRequest {
  readonly operations: readonly BulkOperation[]
  /** The number of errors after which no further operation is begun; Infinity when the client set none. */
  readonly failOnErrors: number
}

/**
 * The body of a bulk request. Any letter case of methods and of the message's keys is taken. What is wrong with one operation is
 * its `fault`, and none of the others. Throws `invalidSyntax` when it is no bulk request, `invalidValue` for a `failOnErrors` that
 * is no whole number above 0, and `tooManyOperations`.
 */
export function parseBulk(body: unknown, found = new Diagnosis()): BulkRequest {
  const fields = isObject(body) ? caselessFields(body) : undefined
  if (fields === undefined || !namesSchema(fields.get('schemas'), bulkRequestSchema)) {
    throw errors.invalidSyntax(
      `The body is not a bulk request. Send an object whose "schemas" holds ${bulkRequestSchema}.`,
    )
  }
  const list = fields.get('operations')
  if (!Array.isArray(list)) throw errors.invalidSyntax('"Operations" is not an array. Send the operations as one.')
  if (list.length > maximumBulkOperations) throw errors.tooManyOperations(maximumBulkOperations)
  if (list.length === 0) found.push(deviations.emptyOperations('/Operations'))
  const failOnErrors = readLimit(fields.get('failonerrors'), found)
  return { operations: checkBulkIds(list.map((sent, index) => readOperation(sent, index, found))), failOnErrors }
}

function readLimit(value: JsonValue | undefined, found: Diagnosis): number {
  if (value === undefined || value === null) return Infinity
  const limit = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1) {
    throw errors.invalidValue(
      '"failOnErrors" is not a whole number above 0. Send how many errors end the request, or leave it out to have all operations tried.',
    )
  }
  if (typeof value === 'string') found.push(deviations.numberAsString('/failOnErrors'))
  return limit
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

function readOperation(sent: JsonValue, index: number, found: Diagnosis): BulkOperation {
  const pointer = below('/Operations', index)
  const operation: Mutable<BulkOperation> = { index, pointer, references: [] }
  if (!isObject(sent)) {
    operation.fault = errors.invalidSyntax(`The operation at ${pointer} is not an object. Send {"method": ...}.`)
    return operation
  }
  const { fields, isClear } = fieldsOf(sent)
  const word = (name: string): string | undefined => {
    const value = fields.get(name.toLowerCase())
    if (typeof value === 'number') found.push(deviations.scalarAsText(below(pointer, name)))
    const text = typeof value === 'number' ? String(value) : value
    return typeof text === 'string' && text.trim() !== '' ? text : undefined
  }
  const [sentMethod, path, bulkId, version] = [word('method'), word('path'), word('bulkId'), word('version')]
  const method = [...methods, ...otherMethods].find((one) => one === sentMethod?.trim().toUpperCase())
  const data = fields.get('data')
  if (method !== undefined) {
    operation.method = method
    if (method !== sentMethod) found.pushOnce(deviations.methodLetterCase(below(pointer, 'method')))
  }
  if (path !== undefined) operation.path = readPath(path)
  if (bulkId !== undefined) operation.bulkId = bulkId
  if (version !== undefined && method !== 'POST') operation.version = version
  if (data !== undefined && data !== null && method !== 'DELETE') operation.data = data
  const fault = isClear ? faultOf(operation, sentMethod) : namedTwice(pointer)
  if (fault === undefined) operation.references = referencesOf(operation)
  else operation.fault = fault
  return operation
}

/** The fields by lower-case name, but those that stand twice, spelt differently; `isClear` where there is none. */
function fieldsOf(sent: JsonObject): { fields: Map<string, JsonValue>; isClear: boolean } {
  const fields = new Map<string, JsonValue>()
  const twice = new Set<string>()
  for (const [key, value] of Object.entries(sent)) {
    const name = key.toLowerCase()
    if (fields.has(name)) twice.add(name)
    fields.set(name, value)
  }
  for (const name of twice) fields.delete(name)
  return { fields, isClear: twice.size === 0 }
}

function namedTwice(pointer: string) {
  return errors.invalidSyntax(`The operation at ${pointer} has one field twice, spelt differently. Send each once.`)
}

function isBulkMethod(method: string | undefined): method is BulkMethod {
  return methods.some((one) => one === method)
}

function faultOf({ pointer, method, path, bulkId, data }: BulkOperation, sentMethod: string | undefined) {
  if (!isBulkMethod(method)) {
    const cause = sentMethod === undefined ? 'has no "method"' : 'has a method that is none here'
    return errors.invalidSyntax(`The operation at ${pointer} ${cause}. Use ${methods.join(', ')}.`)
  }
  if (path === undefined) {
    return errors.invalidSyntax(`The operation at ${pointer} has no "path". Send one like /Users or /Users/id.`)
  }
  if (/^\/bulk$/i.test(path)) {
    return errors.invalidSyntax(
      `The operation at ${pointer} is a bulk request in a bulk request. Send its operations in this one, or by themselves.`,
    )
  }
  if (method === 'POST' && bulkId === undefined) {
    return errors.invalidValue(`The POST at ${pointer} has no "bulkId". Give it one that no other POST here has.`)
  }
  if (method !== 'DELETE' && data === undefined) {
    return errors.invalidSyntax(
      `The operation at ${pointer} has no "data". Send what would be the body of a ${method}.`,
    )
  }
  return undefined
}

/** Written as an address is: percent-encoded or not, with or without the slash before it. */
function readPath(text: string): string {
  const [path = ''] = text.trim().split('?')
  return `/${decoded(path.replace(/^\/+/, '').replace(/\/+$/, ''))}`
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function referencesOf({ path, data }: BulkOperation): string[] {
  const references = new Set<string>()
  const put = (bulkId: string): string => {
    references.add(bulkId)
    return bulkId
  }
  if (path !== undefined) replaceInAddress(path, put)
  if (data !== undefined) replaceReferences(data, put)
  return [...references]
}

/** A bulkId names one POST: two of one name are both refused, since nobody can tell which of them a reference means. */
function checkBulkIds(operations: readonly BulkOperation[]): BulkOperation[] {
  const posts = new Map<string, string[]>()
  for (const { method, bulkId, pointer } of operations) {
    if (method !== 'POST' || bulkId === undefined) continue
    const named = posts.get(bulkId)
    if (named === undefined) posts.set(bulkId, [pointer])
    else named.push(pointer)
  }
  return operations.map((operation) => {
    const fault = operation.fault ?? faultAmong(posts, operation)
    return fault === undefined ? operation : { ...operation, fault, references: [] }
  })
}

/** `posts` are pointers to the POSTs of each bulkId. A bulkId may be a person's name, so that errors name operations by their place. */
function faultAmong(posts: ReadonlyMap<string, readonly string[]>, operation: BulkOperation): ScimError | undefined {
  const { pointer, method, bulkId, references } = operation
  const other = posts.get(bulkId ?? '')?.find((at) => at !== pointer)
  if (method === 'POST' && other !== undefined) {
    return errors.invalidValue(
      `The POST at ${pointer} has the same "bulkId" as the one at ${other}. Give each POST one of its own.`,
    )
  }
  if (references.every((reference) => posts.has(reference))) return undefined
  return errors.invalidValue(
    `The operation at ${pointer} refers to a bulkId that no POST of this request has. Refer to one that is created here, or send the id of the resource.`,
  )
}
