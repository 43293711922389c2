import { AddressRanges, readAddress } from '#libs/addresses/index'

const loopback = AddressRanges.reading(['127.0.0.0/8', '::1'])

/** The option by which somebody takes it upon himself that a secret is sent in clear. */
export const insecureHttp = {
  flag: '--insecure-http',
  about: 'send secrets in clear to another machine, for whoever is on the way to read',
} as const

/** What is sent there leaves this machine, and whoever is on the way can read it. */
export function isInClear({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && !isLoopback(hostname)
}

/** A host as a URL or an option names it. */
export function isLoopback(host: string): boolean {
  const address = readAddress(host.replace(/^\[(.*)\]$/, '$1'))
  return address === undefined ? host.toLowerCase() === 'localhost' : loopback.has(address)
}
