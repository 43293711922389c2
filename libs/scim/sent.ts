import { printPath } from './filter/filter.ts'
import { isObject } from './json.ts'
import type { PatchOperation } from './patch/operation.ts'
import { findExtension } from './schema/resource-type.ts'
import type { ResourceType } from './schema/resource-type.ts'

/** The attributes that a POST or PUT sends, in attribute notation (RFC 7644 section 3.10). */
export function namesSent(resourceType: ResourceType, body: unknown): string[] {
  if (!isObject(body)) return []
  return Object.entries(body).flatMap(([key, value]) => {
    const extension = findExtension(resourceType, key)
    if (extension === undefined || !isObject(value)) return [key]
    return Object.keys(value).map((name) => `${extension.id}:${name}`)
  })
}

/** The attributes that the operations of a PATCH send a value of. */
export function namesPatched(resourceType: ResourceType, operations: readonly PatchOperation[]): string[] {
  return operations.flatMap(({ op, path, value }) => {
    if (op === 'remove') return []
    const name = path === undefined ? undefined : printPath({ ...path.path, sub: path.sub ?? path.path.sub })
    const isWhole = name === undefined || findExtension(resourceType, name) !== undefined
    if (!isWhole) return [name]
    return namesSent(resourceType, name === undefined ? value : { [name]: value ?? null })
  })
}
