import { isIP } from 'node:net'
import { CacheError } from './errors.ts'

export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  readonly database: number
  /** Present for `rediss:`; the certificate is checked against the name. */
  readonly tls?: { readonly servername?: string }
}

/**
 * Reads `redis://[[user]:password@]host[:port][/database]`, or `rediss://` for TLS.
 * @throws CacheError url-invalid, without the URL, which may hold a password
 */
export function readRedisUrl(text: string): RedisAddress {
  const url = URL.parse(text)
  const database = /^\/?(\d{0,4})$/.exec(url?.pathname ?? '')?.[1]
  if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || database === undefined) {
    throw new CacheError(
      'url-invalid',
      'The address of Redis must be redis://host:port, or rediss://host:port for TLS, with an optional user:password@ before and /database after.',
    )
  }
  const [username, password] = [decoded(url.username), decoded(url.password)]
  const host = url.hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    port: url.port === '' ? 6379 : Number(url.port),
    database: Number(database),
    ...(username === '' ? {} : { username }),
    ...(password === '' ? {} : { password }),
    ...(url.protocol === 'redis:' ? {} : { tls: isIP(host) === 0 ? { servername: host } : {} }),
  }
}

/** A percent sign that encodes nothing stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
