import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Resource } from '../resource.ts'

/** The object at a path, made where there is none. */
export function holderAt(document: JsonObject, path: readonly string[]): JsonObject {
  let holder = document
  for (const key of path) {
    const next = holder[key]
    const inner = isObject(next) ? next : {}
    holder[key] = inner
    holder = inner
  }
  return holder
}

export function setKey(holder: JsonObject, key: string, value: JsonValue | undefined): void {
  if (value === undefined) delete holder[key]
  else holder[key] = value
}

export function withKey(object: JsonObject, key: string, value: JsonValue | undefined): JsonObject | undefined {
  const after = { ...object }
  setKey(after, key, value)
  return Object.keys(after).length === 0 ? undefined : after
}

/** Deep enough: the document and its extension blocks are changed in place, everything below is replaced. */
export function copy(resource: Resource): JsonObject {
  const document: JsonObject = { ...resource }
  for (const [key, value] of Object.entries(document))
    if (key.includes(':') && isObject(value)) document[key] = { ...value }
  return document
}
