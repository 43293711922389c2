import type { IncomingMessage } from 'node:http'

/**
 * The address that the connection came from; an IPv4 address that came over an IPv6 socket is written as the IPv4 address it
 * is. Empty once the caller has hung up: ask when the request arrives.
 */
export function callerAddress({ socket }: IncomingMessage): string {
  const address = socket.remoteAddress ?? ''
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}
