/**
 * The target without what a client puts before it for a proxy, `http://host`, which a server must take too (RFC 9112 section
 * 3.2.2). That host may be another than that of Host, which is to be ignored then; nothing here goes by either.
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const [, absolute] = /^https?:\/\/[^/?]*(.*)$/i.exec(target) ?? []
  if (absolute === undefined) return target
  return absolute.startsWith('/') ? absolute : `/${absolute}`
}

/** What holds no secret, and is asked for by programs of the operator's; of a target in that form. */
export function isOpen(target: string): boolean {
  return /^\/(health\/|metrics$|metrics\?|\.well-known\/)/.test(target)
}

/**
 * The address in the one form that rules go by: in its path what needs no percent sign has none (RFC 3986 section 6.2.2.2), and it ends before a fragment. Where handlers
 * read the path themselves it stays as it was sent; one that cannot be decoded would reach no handler, so that its percent signs are taken as such.
 */
export function routable(url: string, rawPrefixes: readonly string[]): string {
  if (!url.includes('%') && !url.includes('#')) return url
  const [whole = ''] = url.split('#')
  const [path = '', ...query] = whole.split('?')
  const isRaw = rawPrefixes.some((prefix) => path.startsWith(prefix))
  return [isRaw ? decodable(path) : path.replaceAll(/%[0-9a-f]{2}/gi, unreserved), ...query].join('?')
}

function unreserved(encoded: string): string {
  const character = String.fromCharCode(Number.parseInt(encoded.slice(1), 16))
  return /[A-Za-z0-9._~-]/.test(character) ? character : encoded
}

function decodable(path: string): string {
  try {
    decodeURIComponent(path)
    return path
  } catch {
    return path.replaceAll('%', '%25')
  }
}
