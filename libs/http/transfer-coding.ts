import type { IncomingMessage } from 'node:http'

/** The Transfer-Encoding of a request that is refused, unread, with 501 (RFC 9112 section 6.1); undefined where there is none but `chunked`. */
export function unsupportedCoding({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined {
  const coding = headers['transfer-encoding']
  return coding === undefined || /^chunked$/i.test(coding) ? undefined : coding
}
