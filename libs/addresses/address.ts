import { isIP, SocketAddress } from 'node:net'

export interface Address {
  /** As RFC 5952 writes it, without a zone. */
  readonly text: string
  readonly family: 'ipv4' | 'ipv6'
}

const mapped = '::ffff:'

/** Undefined for what is no address; nothing is looked up. */
export function readAddress(text: string): Address | undefined {
  const version = isIP(text)
  if (version === 4) return { text, family: 'ipv4' }
  if (version === 0) return undefined
  const { address } = new SocketAddress({ address: text, family: 'ipv6' })
  return address.startsWith(mapped) && address.includes('.')
    ? { text: address.slice(mapped.length), family: 'ipv4' }
    : { text: address, family: 'ipv6' }
}

/** What one subscriber has: an IPv4 address, or the 64 bits before the part of an IPv6 address that its owner chooses freely. */
export function networkOf({ text, family }: Address): string {
  return family === 'ipv4' ? text : `${groupsOf(text).slice(0, 4).join(':')}::/64`
}

/** The network of a caller whose address came as text; those whose address cannot be read are one. */
export function networkIn(text: string): string {
  const address = readAddress(text)
  return address === undefined ? 'unknown' : networkOf(address)
}

/** What one organisation has in one place: a /24 of IPv4, or a /48 of IPv6 (RFC 6177 section 2 has a site of that length). */
export function siteOf({ text, family }: Address): string {
  if (family === 'ipv4') return `${text.slice(0, text.lastIndexOf('.'))}.0/24`
  return `${groupsOf(text).slice(0, 3).join(':')}::/48`
}

/** Its 32 or 128 bits. */
export function numberOf({ text, family }: Address): bigint {
  if (family === 'ipv4') return text.split('.').reduce((number, part) => (number << 8n) | BigInt(part), 0n)
  return groupsOf(text).reduce((number, group) => (number << 16n) | BigInt(`0x${group}`), 0n)
}

/** The eight of an IPv6 address, whose last two may be written like an IPv4 address. */
function groupsOf(written: string): string[] {
  const text = written.replace(/[^:]+\.[^:]+$/, (dotted) => {
    const number = numberOf({ text: dotted, family: 'ipv4' })
    return `${(number >> 16n).toString(16)}:${(number & 0xffffn).toString(16)}`
  })
  const [head = '', tail] = text.split('::')
  const groups = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - groups.length - after.length
  return [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...after]
}
