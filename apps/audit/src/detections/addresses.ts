import { isIP } from 'node:net'
import type { RequestDecided } from '#libs/events/index'

/** The connection that a request is addressed to: by its path or, where it asks for a token, by its client; '' where it names none. */
export function addressedConnection({ path, client }: Pick<RequestDecided, 'path' | 'client'>): string {
  return client ?? /^\/scim\/v2\/([^/]{1,64})/.exec(path)?.[1] ?? ''
}

/** The network that an address belongs to: /24, or /48 of IPv6. Undefined for what is no address. */
export function networkOf(address: string): string | undefined {
  return cut(address, 24, 48)
}

/** Whom an address stands for: itself, or the /64 of IPv6 that one host has to choose from. Undefined for what is no address. */
export function hostOf(address: string): string | undefined {
  return cut(address, 32, 64)
}

function cut(address: string, bits4: 24 | 32, bits6: 48 | 64): string | undefined {
  const [text = ''] = address.split('%', 1)
  if (isIP(text) === 4) return bits4 === 32 ? text : `${text.slice(0, text.lastIndexOf('.'))}.0/24`
  if (isIP(text) !== 6) return undefined
  const groups = groupsOf(text)
  const [high = 0, low = 0] = groups.slice(6)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return cut([high >> 8, high & 255, low >> 8, low & 255].join('.'), bits4, bits6)
  const kept = groups.slice(0, bits6 / 16).map((group) => group.toString(16))
  return `${kept.join(':')}::/${bits6}`
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  // The URL standard writes an embedded IPv4 address as two groups.
  const [left = '', right] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const read = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => parseInt(group, 16)))
  const [before, after] = [read(left), read(right ?? '')]
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}
