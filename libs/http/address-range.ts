import { isIPv4, isIPv6 } from 'node:net'

/** A range of addresses: those that begin with the same `prefix` bits. */
export interface AddressRange {
  readonly family: 4 | 6
  readonly bits: bigint
  readonly prefix: number
}

const widths = { 4: 32, 6: 128 } as const

/**
 * Reads CIDR notation (RFC 4632, RFC 4291 section 2.3), or a single address. Undefined for what is neither, and for a range whose
 * address has bits beyond its prefix: 10.0.0.1/8 leaves open which of the two was meant.
 */
export function readAddressRange(text: string): AddressRange | undefined {
  const [address = '', length, ...more] = text.split('/')
  const read = readAddress(address)
  if (read === undefined || more.length > 0) return undefined
  if (length === undefined) return { ...read, prefix: widths[read.family] }
  if (!/^(0|[1-9]\d{0,2})$/.test(length)) return undefined
  const prefix = Number(length)
  if (prefix > widths[read.family]) return undefined
  const free = BigInt(widths[read.family] - prefix)
  return (read.bits >> free) << free === read.bits ? { ...read, prefix } : undefined
}

/** Whether every address of `inner` is one of `outer`. */
export function isWithin(inner: AddressRange, outer: AddressRange): boolean {
  if (inner.family !== outer.family || inner.prefix < outer.prefix) return false
  const free = BigInt(widths[outer.family] - outer.prefix)
  return inner.bits >> free === outer.bits >> free
}

/** Whether an address is in one of the ranges; false for what is no address, and ranges that cannot be read hold none. */
export function isAddressIn(address: string, ranges: readonly string[]): boolean {
  const single = readAddressRange(address.replace(/%.*$/, ''))
  if (single === undefined) return false
  return ranges.some((range) => {
    const read = readAddressRange(range)
    return read !== undefined && isWithin(single, read)
  })
}

/** An IPv4 address inside an IPv6 one (`::ffff:192.0.2.1`) is the IPv4 address that it is. */
function readAddress(text: string): { family: 4 | 6; bits: bigint } | undefined {
  if (isIPv4(text)) return { family: 4, bits: bitsOfIPv4(text) }
  if (!isIPv6(text) || text.includes('%')) return undefined
  const bits = bitsOfIPv6(text)
  return bits >> 32n === 0xffffn ? { family: 4, bits: bits & 0xffffffffn } : { family: 6, bits }
}

function bitsOfIPv4(text: string): bigint {
  return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n)
}

function bitsOfIPv6(text: string): bigint {
  const last = text.slice(text.lastIndexOf(':') + 1)
  const tail = isIPv4(last) ? bitsOfIPv4(last) : undefined
  const plain =
    tail === undefined
      ? text
      : `${text.slice(0, -last.length)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`
  const [before = '', after] = plain.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const [left, right] = [groups(before), groups(after ?? '')]
  const all = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right]
  return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}
