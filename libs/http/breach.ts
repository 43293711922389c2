import type { IncomingMessage } from 'node:http'

/**
 * Rules of HTTP/1.1 about what a request may say of where it goes, where it ends, and who sends it, that Node does not hold it to. What breaks one may have been taken for another request by
 * whoever passed it on.
 */
const breaches = {
  'host-missing': 'The request has no Host, which HTTP/1.1 wants. Send the name that stands in the address as Host.',
  'host-repeated':
    'The request has several Host headers, so that others on its way may have taken it for another. Send one.',
  'host-invalid':
    'The Host header is not a name or an address, with or without a port, so that others on its way may have taken it for another. Send what stands in the address between // and the next slash.',
  'authorization-repeated':
    'The request has several Authorization headers, and which of them counts is not known. Send one. Where a proxy adds one, have it replace that of the client.',
  'transfer-coding-of-old-http':
    'The request has a Transfer-Encoding, which HTTP/1.0 does not know, so that others on its way may have seen its end elsewhere. Send it by HTTP/1.1, or with a Content-Length.',
} as const

export type Breach = keyof typeof breaches

/** The first of those that the request breaks (RFC 9112 sections 3.2 and 6.1, RFC 9110 section 5.3); undefined for none. */
export function breachOf({ headers, headersDistinct, httpVersion }: IncomingMessage): Breach | undefined {
  const { host } = headers
  if (host === undefined && httpVersion === '1.1') return 'host-missing'
  if ((headersDistinct['host']?.length ?? 0) > 1) return 'host-repeated'
  if (host !== undefined && !isHost.test(host)) return 'host-invalid'
  if ((headersDistinct['authorization']?.length ?? 0) > 1) return 'authorization-repeated'
  if (hasTransferCodingOfOldHttp({ headers, httpVersion })) return 'transfer-coding-of-old-http'
  return undefined
}

/** Where it ends others may have seen elsewhere, whatever else it breaks: nothing that follows on its connection may be taken for a request (RFC 9112 section 6.1). */
export function hasTransferCodingOfOldHttp({
  headers,
  httpVersion,
}: Pick<IncomingMessage, 'headers' | 'httpVersion'>): boolean {
  return headers['transfer-encoding'] !== undefined && httpVersion !== '1.1'
}

/** RFC 9110 section 7.2 with RFC 3986 section 3.2: an address in brackets, or a name that may be empty, and a port that may be so too. */
const isHost = /^(\[[\dA-Za-z:.~_!$&'()*+,;=-]+\]|([\w.~!$&'()*+,;=-]|%[\dA-Fa-f]{2})*)(:\d*)?$/

/** Cause and fix, for whoever sent it; nothing of the request is repeated. */
export function breachAdvice(breach: Breach): string {
  return breaches[breach]
}
