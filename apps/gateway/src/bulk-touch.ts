import { fold, isObject, type BulkOperation, type BulkStep } from '#libs/scim/index'
import type { Touch } from './bulk-order.ts'
import { text, userNameKey } from './record.ts'

/** What is known of the operations beyond the request itself. */
export interface Known {
  /** The path of an operation with the ids of what was created in it; undefined when that is not known. */
  readonly pathOf: (operation: BulkOperation) => string | undefined
  /** By id, the names that users have before any of the steps runs. */
  readonly userNameKeys: ReadonlyMap<string, string>
  /** The attributes by which a new user may turn out to be one that is there. */
  readonly adoptBy: readonly string[]
}

const alone: Touch = { kind: 'alone', keys: [] }

/**
 * What a step touches. A name is given and freed by creates, replaces and deletes of users: whoever frees one runs before who takes it.
 * Deletes take users out of groups, so they do not run beside changes to groups; of a group, they do so beside nothing.
 */
export function touchOf({ operations, circular }: BulkStep, known: Known): Touch {
  const [operation] = operations
  if (operation === undefined || circular || operation.fault !== undefined) return alone
  const { method, data } = operation
  const [, collection, id] = known.pathOf(operation)?.split('/') ?? []
  if (collection !== 'Users' && collection !== 'Groups') return alone
  const record = `${collection} ${id}`
  if (method === 'DELETE') return collection === 'Users' ? { kind: 'leave', keys: [record] } : alone
  if (collection === 'Groups')
    return { kind: method === 'POST' ? 'create' : 'update', keys: method === 'POST' ? [] : [record] }
  if (method === 'PATCH') return mayRename(data) ? alone : { kind: 'update', keys: [record] }
  const name = nameIn(data)
  if (name === undefined) return alone
  if (method === 'POST') return { kind: 'create', keys: [`name ${name}`, ...adoptionKeys(data, known.adoptBy)] }
  const before = known.userNameKeys.get(id ?? '')
  const names = before === undefined || before === name ? [name] : [name, before]
  return { kind: 'update', keys: [record, ...names.map((each) => `name ${each}`)] }
}

/** The values of the attributes by which users are adopted, in whatever form they came. */
function adoptionKeys(data: unknown, adoptBy: readonly string[]): string[] {
  const wanted = new Set(adoptBy.map((attribute) => attribute.toLowerCase()))
  return Object.entries(isObject(data) ? data : {}).flatMap(([key, value]) =>
    wanted.has(key.toLowerCase()) ? textsIn(value).map((content) => `${key} ${fold(content)}`.toLowerCase()) : [],
  )
}

function textsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(textsIn)
  const values = Object.entries(isObject(value) ? value : {}).filter(([key]) => key.toLowerCase() === 'value')
  return values.flatMap(([, content]) => textsIn(content))
}

/** Generous: a PATCH that speaks of userName anywhere might change it. */
function mayRename(data: unknown): boolean {
  return /username/i.test(JSON.stringify(data))
}

/** The key of the one userName in the data; undefined where it cannot be told. */
function nameIn(data: unknown): string | undefined {
  const named = Object.entries(isObject(data) ? data : {}).filter(([key]) => /(^|:)userName$/i.test(key))
  const name = named.length === 1 ? text(named[0]?.[1]) : undefined
  try {
    return name === undefined ? undefined : userNameKey({ schemas: [], userName: name })
  } catch {
    // A name that will be refused.
    return undefined
  }
}
