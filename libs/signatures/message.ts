/** What of a request can be signed. */
export interface Message {
  readonly method: string
  /** Host and port of the URL that was called, in lower case, the port left out where it is that of the scheme (RFC 9421 section 2.2.3). */
  readonly authority: string
  /** As it was sent, percent-encoding and all (section 2.2.6). */
  readonly path: string
  /** With its question mark, which stands alone where there is no query (section 2.2.7). */
  readonly query: string
  /** By names in lower case; several of one name are joined by ", ". */
  readonly headers: Readonly<Record<string, string | undefined>>
}

/** The request as a client calls it. */
export function messageOf(method: string, url: URL, headers: Message['headers']): Message {
  return { method, authority: url.host, path: url.pathname, query: url.search === '' ? '?' : url.search, headers }
}

const derived: Readonly<Record<string, (message: Message) => string>> = {
  '@method': ({ method }) => method,
  '@authority': ({ authority }) => authority,
  '@path': ({ path }) => path,
  '@query': ({ query }) => query,
}

/**
 * RFC 9421 section 2.5: what the signature is made over. `parameters` is the inner list of Signature-Input as it is serialized. Undefined when a
 * component is none that can be signed, or the message has no such field.
 */
export function signatureBase(message: Message, components: readonly string[], parameters: string): string | undefined {
  const lines: string[] = []
  for (const name of components) {
    const value = name.startsWith('@') ? derived[name]?.(message) : message.headers[name]?.trim()
    if (value === undefined || !visible.test(value)) return undefined
    lines.push(`"${name}": ${value}\n`)
  }
  return `${lines.join('')}"@signature-params": ${parameters}`
}

/** A line break in a value would let it pass for the next line. */
const visible = /^[\t\x20-\x7e\x80-\xff]*$/
