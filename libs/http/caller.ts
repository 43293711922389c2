import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Address, AddressRanges, loopback, readAddress } from '#libs/addresses/index'
import { certificateOf, certificateTold, type ClientCertificate, type Unreadable } from './client-certificate.ts'

/** Whose word counts about where a request comes from. */
export interface CallerRules {
  /** Proxies of the operator's: what they add to a request is believed, and nothing that anybody else adds. */
  readonly proxies: AddressRanges
  /** What those proxies write, and overwrite; the other kind is not read, since a client may have sent it through them. */
  readonly headers: ProxyHeaders
  /** Whether those proxies tell of the certificate of their client in Client-Cert (RFC 9440), and take out what a client sent there. */
  readonly tellCertificates: boolean
  /** From there plain HTTP is taken as well. */
  readonly plainFrom: AddressRanges
}

/** X-Forwarded-For and X-Forwarded-Proto, or Forwarded (RFC 7239). */
export type ProxyHeaders = 'x-forwarded' | 'forwarded'

/** Who sent a request. */
export interface Caller {
  /** As text; where it could not be read, that of the proxy. Empty once the caller had hung up. */
  readonly text: string
  /** Undefined where a listed proxy told of one that is none. */
  readonly address: Address | undefined
  /** How what was sent got here: over TLS all the way, in clear from where that is taken, or in clear. */
  readonly link: 'tls' | 'exempt' | 'clear'
  /** Whether a listed proxy passed it on: what else such a one adds may be believed too. */
  readonly isProxied: boolean
  /** That of the client, as it proved it, or as a listed proxy tells of it; that is read when it is first asked for. Absent where none was shown. */
  readonly certificate?: () => ClientCertificate | Unreadable
}

/** No proxy, and plain HTTP from this machine alone. */
export const directCallers: CallerRules = {
  proxies: AddressRanges.reading([]),
  headers: 'x-forwarded',
  tellCertificates: false,
  plainFrom: AddressRanges.reading(loopback),
}

/** Who is at the other end of a connection. */
interface Peer {
  readonly address: Address
  readonly isProxy: boolean
  /** Whether plain HTTP is taken from there. */
  readonly isExempt: boolean
  /** Of a client; that of a proxy is not asked for. */
  readonly certificate: ClientCertificate | undefined
}

/** Who sends requests to a server. What a connection tells is read once for all requests on it. */
export class Callers {
  readonly #rules: CallerRules
  readonly #peers = new WeakMap<Socket, Peer>()

  constructor(rules: CallerRules) {
    this.#rules = rules
  }

  /**
   * Reads who sent the request. The addresses that proxies tell of are walked from the last, which the nearest proxy wrote, to the first that
   * is no listed proxy's; what stands to the left of that anybody may have written. To be asked when the request arrives: of a caller that has hung up
   * nothing is known. Never throws.
   */
  of({ socket, headers }: Pick<IncomingMessage, 'socket' | 'headers'>): Caller {
    const isEncrypted = 'encrypted' in socket && socket.encrypted === true
    const peer = this.#peerAt(socket)
    if (peer === undefined) {
      return { text: '', address: undefined, link: isEncrypted ? 'tls' : 'clear', isProxied: false }
    }
    const told = peer.isProxy ? (read[this.#rules.headers](headers) ?? toldOtherwise(headers)) : undefined
    if (told !== undefined) return toldCaller(peer, told, headers, this.#rules)
    const { address, isProxy, isExempt, certificate } = peer
    return {
      text: address.text,
      address,
      link: isEncrypted ? 'tls' : isExempt ? 'exempt' : 'clear',
      isProxied: isProxy,
      ...(certificate === undefined ? {} : { certificate: () => certificate }),
    }
  }

  #peerAt(socket: Socket): Peer | undefined {
    const known = this.#peers.get(socket)
    if (known !== undefined) return known
    const address = readAddress(socket.remoteAddress ?? '')
    if (address === undefined) return undefined
    const { proxies, plainFrom } = this.#rules
    const isProxy = proxies.has(address)
    const certificate = isProxy ? undefined : certificateOf(socket)
    const peer = { address, isProxy, isExempt: plainFrom.has(address), certificate }
    this.#peers.set(socket, peer)
    return peer
  }
}

/** Whose request a listed proxy passed on, as it tells. */
function toldCaller(proxy: Peer, told: Told, headers: IncomingMessage['headers'], rules: CallerRules): Caller {
  const { address, hops } = walk(proxy.address, told.addresses, rules.proxies)
  const protocols = told.protocolsOf(hops)
  const isTls = protocols.length > 0 && protocols.every((protocol) => /^(https|wss)$/i.test(protocol))
  const shown = rules.tellCertificates ? headers['client-cert'] : undefined
  return {
    text: (address ?? proxy.address).text,
    address,
    link: isTls ? 'tls' : 'clear',
    isProxied: true,
    ...(shown === undefined || shown === '' ? {} : { certificate: readOnce(() => certificateTold(shown)) }),
  }
}

function readOnce<T>(reading: () => T): () => T {
  let known: T | undefined
  return () => (known ??= reading())
}

/** `proxy` is a listed one. `hops`: how many of those told, from the last, were written by listed ones. */
function walk(
  proxy: Address,
  told: readonly string[],
  proxies: AddressRanges,
): { readonly address: Address | undefined; readonly hops: number } {
  let nearest: Address | undefined = proxy
  let hops = 0
  for (const text of told.toReversed()) {
    if (nearest === undefined || (nearest !== proxy && !proxies.has(nearest))) break
    nearest = readAddress(withoutPort(text))
    hops++
  }
  return { address: nearest, hops }
}

/** Some proxies add the port. */
function withoutPort(text: string): string {
  const [, bracketed] = /^\[([^\]]*)\](?::\d+)?$/.exec(text) ?? []
  if (bracketed !== undefined) return bracketed
  return /^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text
}

interface Told {
  /** From the client to the last proxy but one. */
  readonly addresses: readonly string[]
  /** What those who wrote the last `hops` addresses say of the protocol, an empty text where one says nothing: all of it must be HTTPS. */
  protocolsOf(hops: number): readonly string[]
}

/** Of nobody that could be read, nor of TLS. */
const unreadable: Told = { addresses: [''], protocolsOf: () => [] }

/** Undefined where nothing is told: the proxy asks for itself. */
const read: Readonly<Record<ProxyHeaders, (headers: IncomingMessage['headers']) => Told | undefined>> = {
  'x-forwarded'(headers) {
    const addresses = listed(headers['x-forwarded-for'])
    const protocols = listed(headers['x-forwarded-proto'])
    if (addresses.length === 0 && protocols.length === 0) return undefined
    // Where the protocol alone is told, it is of nobody that could be read. Nothing tells which address a protocol belongs to: most proxies set one for all of them.
    return { addresses: addresses.length === 0 ? [''] : addresses, protocolsOf: () => protocols }
  },
  forwarded(headers) {
    const elements = split(joined(headers['forwarded']), ',')?.map((element) => pairsOf(element))
    if (elements === undefined) return unreadable
    if (elements.length === 0) return undefined
    // One that does not tell whom it had the request from tells of nobody that could be read.
    return {
      addresses: elements.map((pairs) => pairs.get('for') ?? ''),
      protocolsOf: (hops) => elements.slice(-hops).map((pairs) => pairs.get('proto') ?? ''),
    }
  },
}

/** Whoever writes the other kind passes something on, and not for itself: of whom, and whether over TLS, is not read there. */
function toldOtherwise({ forwarded, ...headers }: IncomingMessage['headers']): Told | undefined {
  const written = [forwarded, headers['x-forwarded-for'], headers['x-forwarded-proto']]
  return written.some((header) => joined(header) !== '') ? unreadable : undefined
}

function listed(header: string | string[] | undefined): string[] {
  const text = joined(header)
  return text === '' ? [] : text.split(',').map((part) => part.trim())
}

function joined(header: string | string[] | undefined): string {
  return typeof header === 'string' ? header.trim() : [header ?? []].flat().join(',').trim()
}

/** Nothing where a parameter stands twice: which of the two is meant nobody can tell (RFC 7239 section 4). */
function pairsOf(element: string): Map<string, string> {
  const pairs = (split(element, ';') ?? []).map((pair): [string, string] => {
    const at = pair.indexOf('=')
    const value = pair.slice(at + 1).trim()
    const [, quoted] = /^"(.*)"$/s.exec(value) ?? []
    return [pair.slice(0, at).trim().toLowerCase(), quoted?.replaceAll(/\\(.)/gs, '$1') ?? value]
  })
  const byName = new Map(pairs)
  return byName.size === pairs.length ? byName : new Map<string, string>()
}

/** At the separators that stand outside of quotes, in one pass; undefined where a quote is not closed. */
function split(text: string, separator: ',' | ';'): string[] | undefined {
  const parts: string[] = []
  let start = 0
  let isQuoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') isQuoted = !isQuoted
    else if (isQuoted && character === '\\') at++
    else if (!isQuoted && character === separator) {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  if (isQuoted) return undefined
  return [...parts, text.slice(start)].map((part) => part.trim()).filter((part) => part !== '')
}
