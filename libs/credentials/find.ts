import { adminTokenFormat, type ReadAdminToken, readAdminToken } from './admin-token.ts'
import { keyFormat, type ReadKey, readKey } from './key.ts'

export type Found = (ReadKey | (ReadAdminToken & { readonly kind: 'admin-token' })) & {
  /** Where it begins, in characters. */
  readonly index: number
}

/** The published formats without their word boundaries, at every place: what stands around a secret, another one too, says nothing of it. */
const formats = `${keyFormat.source}|${adminTokenFormat.source}`.replaceAll('\\b', '')
const candidate = new RegExp(`(?=(${formats}))`, 'g')

/** The provisioning keys and admin tokens in a text, in its order, whatever stands before and after each. What only looks like one, or was changed, is none. */
export function findSecrets(text: string): Found[] {
  return [...text.matchAll(candidate)].flatMap(({ 1: found = '', index }): Found[] => {
    const token = readAdminToken(found)
    if (token !== undefined) return [{ kind: 'admin-token', ...token, index }]
    const key = readKey(found)
    return key.kind === 'key' ? [{ ...key, index }] : []
  })
}
