import { AddressRanges, type Range } from '#libs/addresses/index'
import type { Configuration } from '#libs/configuration/index'
import {
  type CallerRules,
  type CertificateFiles,
  type CertificatePair,
  CertificateUnusable,
  readCertificate,
} from '#libs/http/index'
import type { httpSettings } from './http-settings.ts'
import { StartError } from './start-error.ts'

/** How a program's HTTP server is reached, and what it believes. */
export interface Door {
  readonly host: string
  /** Largest body of a request in bytes. */
  readonly bodyLimit: number
  /** Milliseconds that a request may take to arrive whole. */
  readonly requestTimeout: number
  /** It then speaks HTTPS alone. */
  readonly tls: { readonly files: CertificateFiles; readonly pair: CertificatePair } | undefined
  readonly callers: CallerRules
  /** A line that says from where plain HTTP is taken, to be printed at the start; empty where it is not. */
  readonly notice: string
  /** What is configured so that it protects less than it seems to, with the fix: for the log. */
  readonly warnings: readonly string[]
}

/** The largest range of addresses that is anybody's own (RFC 1918, RFC 4193): who lists more believes strangers. */
const widest: Readonly<Record<Range['family'], number>> = { ipv4: 8, ipv6: 7 }

/**
 * Reads the certificate too.
 * @throws StartError for one that cannot serve
 */
export function doorOf(configuration: Configuration<typeof httpSettings>): Door {
  const { LATCHKEY_TRUSTED_PROXIES: proxies = [], LATCHKEY_PLAIN_HTTP_FROM: plain } = configuration
  const tls = tlsOf(configuration)
  const besides = proxies.length === 0 ? '' : `, and from the proxies ${list(proxies)} what they took over TLS`
  return {
    host: configuration.LATCHKEY_HOST,
    bodyLimit: configuration.LATCHKEY_BODY_LIMIT,
    requestTimeout: configuration.LATCHKEY_REQUEST_TIMEOUT,
    tls,
    notice:
      tls === undefined
        ? `Plain HTTP        is taken from ${list(plain)} alone${besides} (docs/deploy.md, "TLS and proxies")\n`
        : '',
    warnings: tooWide(proxies),
    callers: {
      proxies: new AddressRanges(proxies),
      headers: configuration.LATCHKEY_PROXY_HEADERS,
      tellCertificates: configuration.LATCHKEY_PROXY_CLIENT_CERT,
      plainFrom: new AddressRanges(plain),
    },
  }
}

function tlsOf({
  LATCHKEY_TLS_CERT: certificate,
  LATCHKEY_TLS_KEY: key,
}: Pick<Configuration<typeof httpSettings>, 'LATCHKEY_TLS_CERT' | 'LATCHKEY_TLS_KEY'>): Door['tls'] {
  if (certificate === undefined || key === undefined) return undefined
  try {
    const files = { certificate, key }
    return { files, pair: readCertificate(files) }
  } catch (error) {
    if (error instanceof CertificateUnusable) throw new StartError(error.message)
    throw error
  }
}

function tooWide(proxies: readonly Range[]): string[] {
  const wide = proxies.filter(({ bits, family }) => bits < widest[family])
  if (wide.length === 0) return []
  return [
    `LATCHKEY_TRUSTED_PROXIES names ${list(wide)}: whoever sends from there is believed what it says of the address that a request came from, and of its TLS. Name the addresses of your own proxies alone.`,
  ]
}

function list(ranges: readonly Range[]): string {
  return ranges.map(({ text, bits }) => `${text}/${bits}`).join(', ')
}
