/**
 * The target without what a client puts before it for a proxy, `http://host`, which a server must take too (RFC 9112 section
 * 3.2.2).
 */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const [, absolute] = /^https?:\/\/[^/?]*(.*)$/i.exec(target) ?? []
  if (absolute === undefined) return target
  return absolute.startsWith('/') ? absolute : `/${absolute}`
}

/** An address that cannot be decoded would reach no handler; where handlers read it themselves, its percent signs are taken as such. */
export function routable(url: string, rawPrefixes: readonly string[]): string {
  if (!url.includes('%') || !rawPrefixes.some((prefix) => url.startsWith(prefix))) return url
  const [path = '', ...query] = url.split('?')
  try {
    decodeURIComponent(path)
    return url
  } catch {
    return [path.replaceAll('%', '%25'), ...query].join('?')
  }
}
