import { readAddress } from './address.ts'
import { AddressRanges } from './ranges.ts'

const loopback = AddressRanges.reading(['127.0.0.0/8', '::1'])

/** Whether what is sent to the host, as a URL or an option names it, stays on this machine. Nothing is looked up. */
export function isLoopback(host: string): boolean {
  const address = readAddress(host.replace(/^\[(.*)\]$/, '$1'))
  return address === undefined ? host.toLowerCase() === 'localhost' : loopback.has(address)
}
