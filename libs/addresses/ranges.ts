import { BlockList } from 'node:net'
import { type Address, numberOf, readAddress } from './address.ts'

/** CIDR notation, RFC 4632 and RFC 4291. */
export interface Range extends Address {
  readonly bits: number
}

/**
 * `10.0.0.0/8`, `2001:db8::/32`, or one address. Undefined for anything else, and for a range whose address has bits beyond its length:
 * 10.0.0.1/8 leaves open which of the two was meant.
 */
export function readRange(text: string): Range | undefined {
  const range = rangeIn(text)
  return range === undefined || hasStrayBits(range) ? undefined : range
}

/** Whether every address of `inner` is one of `outer`. */
export function isWithin(inner: Range, outer: Range): boolean {
  return inner.bits >= outer.bits && new AddressRanges([outer]).has(inner)
}

function rangeIn(text: string): Range | undefined {
  const [, written = '', length] = /^([^/%]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? []
  const address = readAddress(written)
  if (address === undefined) return undefined
  const longest = address.family === 'ipv4' ? 32 : 128
  // The length of a range that is written as IPv6 counts from its first bit.
  const skipped = address.family === 'ipv4' && written.includes(':') ? 96 : 0
  const bits = length === undefined ? longest : Number(length) - skipped
  return bits >= 0 && bits <= longest ? { ...address, bits } : undefined
}

function hasStrayBits({ bits, ...address }: Range): boolean {
  const free = BigInt((address.family === 'ipv4' ? 32 : 128) - bits)
  const number = numberOf(address)
  return (number >> free) << free !== number
}

/** A list of ranges, made for being asked often. */
export class AddressRanges {
  readonly isEmpty: boolean
  /** One for each family: Node takes an IPv4 address for one of the IPv6 range that IPv4 is mapped into. */
  readonly #lists = { ipv4: new BlockList(), ipv6: new BlockList() }

  constructor(ranges: readonly Range[]) {
    this.isEmpty = ranges.length === 0
    for (const { text, bits, family } of ranges) this.#lists[family].addSubnet(text, bits, family)
  }

  /** What is no range adds nothing to the list. One with stray bits, kept while those were taken, means its first bits. */
  static reading(texts: readonly string[]): AddressRanges {
    return new AddressRanges(texts.flatMap((text) => rangeIn(text) ?? []))
  }

  has({ text, family }: Address): boolean {
    return !this.isEmpty && this.#lists[family].check(text, family)
  }
}
