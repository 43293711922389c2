import { loopback, readRange, type Range } from '#libs/addresses/index'
import { setting } from '#libs/configuration/index'
import type { ProxyHeaders } from '#libs/http/index'

const proxyHeaders = ['x-forwarded', 'forwarded'] as const satisfies readonly ProxyHeaders[]

/** How the HTTP server of every program is reached, and what it believes. */
export const httpSettings = {
  LATCHKEY_HOST: setting.text({ default: '127.0.0.1', about: 'Address that the HTTP server listens on.' }),
  LATCHKEY_TLS_CERT: setting.text({
    optional: true,
    goesWith: ['LATCHKEY_TLS_KEY'],
    about:
      'File (PEM) with the certificate of the HTTP server, those of its authorities after it; with LATCHKEY_TLS_KEY the server speaks HTTPS alone. Read again when it changes.',
  }),
  LATCHKEY_TLS_KEY: setting.text({
    optional: true,
    goesWith: ['LATCHKEY_TLS_CERT'],
    about: 'File (PEM) with the private key of that certificate, without a passphrase.',
  }),
  LATCHKEY_TRUSTED_PROXIES: setting.parsed({
    optional: true,
    about:
      'Proxies in front of the HTTP server: what they tell of the address of their client, and of its TLS, is believed.',
    expected: 'an address or a range such as 10.0.0.0/8 or 2001:db8::/32, or several separated by commas',
    read: readRanges,
  }),
  LATCHKEY_PROXY_HEADERS: setting.oneOf(proxyHeaders, {
    default: 'x-forwarded',
    about:
      'What those proxies write and overwrite: X-Forwarded-For and X-Forwarded-Proto, or Forwarded. The other kind is not read.',
  }),
  LATCHKEY_PROXY_CLIENT_CERT: setting.flag({
    default: 'false',
    about:
      'Those proxies ask their clients for a certificate, tell of it in Client-Cert (RFC 9440), and take out what a client sent in that header.',
  }),
  LATCHKEY_PLAIN_HTTP_FROM: setting.parsed({
    default: loopback.join(', '),
    about: 'From where plain HTTP is taken, besides what a listed proxy took over TLS.',
    expected: 'an address or a range such as 10.0.0.0/8 or 2001:db8::/32, or several separated by commas',
    read: readRanges,
  }),
  LATCHKEY_BODY_LIMIT: setting.integer({
    default: 1_048_576,
    min: 1_024,
    max: 67_108_864,
    about: 'Largest body of a request in bytes.',
  }),
  LATCHKEY_REQUEST_TIMEOUT: setting.duration({
    default: '30s',
    min: '1s',
    max: '10m',
    about: 'How long a request may take to arrive whole.',
  }),
}

function readRanges(text: string): readonly Range[] | undefined {
  const ranges = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => readRange(part))
  return ranges.some((range) => range === undefined) ? undefined : ranges.flatMap((range) => range ?? [])
}
