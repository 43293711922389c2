import { readAddress } from './address.ts'
import { AddressRanges } from './ranges.ts'

/** Ranges of what stays on this machine. */
export const loopback = ['127.0.0.0/8', '::1/128'] as const
const thisMachine = AddressRanges.reading(loopback)

/** Whether what is sent to the host, as a URL or an option names it, stays on this machine. Nothing is looked up. */
export function isLoopback(host: string): boolean {
  const address = readAddress(host.replace(/^\[(.*)\]$/, '$1'))
  return address === undefined ? host.toLowerCase() === 'localhost' : thisMachine.has(address)
}
