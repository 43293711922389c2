import { BlockList } from 'node:net'
import { type Address, readAddress } from './address.ts'

/** CIDR notation, RFC 4632 and RFC 4291. */
export interface Range extends Address {
  readonly bits: number
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. Undefined for anything else. */
export function readRange(text: string): Range | undefined {
  const [, written = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const address = readAddress(written)
  if (address === undefined) return undefined
  const longest = address.family === 'ipv4' ? 32 : 128
  // The length of a range that is written as IPv6 counts from its first bit.
  const skipped = address.family === 'ipv4' && written.includes(':') ? 96 : 0
  const bits = length === undefined ? longest : Number(length) - skipped
  return bits >= 0 && bits <= longest ? { ...address, bits } : undefined
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

  /** What is no range adds nothing to the list. */
  static reading(texts: readonly string[]): AddressRanges {
    return new AddressRanges(texts.flatMap((text) => readRange(text) ?? []))
  }

  has({ text, family }: Address): boolean {
    return !this.isEmpty && this.#lists[family].check(text, family)
  }
}
