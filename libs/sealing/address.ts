import { resolve } from 'node:path'
import { isLoopback } from '#libs/addresses/index'

/** Where a KEK is. */
export type KekAddress =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'vault'; readonly url: string; readonly mount: string; readonly key: string }
  | { readonly kind: 'awskms'; readonly keyId: string }

/** For people who set it. */
export const kekForm =
  'file:PATH, vault:https://HOST/MOUNT/KEY (http:// on this machine alone, as token and data keys go there) or awskms:KEY'

/**
 * Reads `file:PATH`, `vault:URL/MOUNT/KEY` (the mount of the transit engine may have slashes) and `awskms:KEY` (id, ARN or alias). Undefined for anything
 * else, and for a Vault to which the way is in clear.
 */
export function parseKek(text: string): KekAddress | undefined {
  const [, kind, rest] = /^(file|vault|awskms):(.+)$/.exec(text) ?? []
  if (rest === undefined || rest.includes('\0')) return undefined
  if (kind === 'file') return { kind, path: resolve(rest) }
  if (kind === 'awskms') return /^[\w/:+=,.@-]{1,2048}$/.test(rest) ? { kind, keyId: rest } : undefined
  return vaultAddress(rest)
}

function vaultAddress(text: string): KekAddress | undefined {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.search !== '') return undefined
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) return undefined
  const names = url.pathname.split('/').slice(1)
  const key = names.pop()
  if (key === undefined || names.length === 0) return undefined
  if (![key, ...names].every((name) => /^[\w.-]+$/.test(name))) return undefined
  return { kind: 'vault', url: url.origin, mount: names.join('/'), key }
}
