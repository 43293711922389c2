/** The version of a resource as `meta.version` and the ETag header write it, RFC 7644 section 3.14. */
export function renderVersion(version: number | string): string {
  return `W/"${version}"`
}

/** Whether an If-Match or If-None-Match header names that version: "*" names every one, and weak and strong tags are the same. */
export function namesVersion(header: string, version: string): boolean {
  if (header.trim() === '*') return true
  return header.split(',').some((tag) => opaque(tag) === opaque(version))
}

function opaque(tag: string): string {
  return tag
    .trim()
    .replace(/^W\//, '')
    .replace(/^"(.*)"$/, '$1')
}
