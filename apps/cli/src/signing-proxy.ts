import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import {
  type ClientRequest,
  createServer,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'
import { BodyTooLarge, readBody } from '#libs/http/index'
import { signRequest } from '#libs/signatures/index'
import type { OwnKey } from './key-file.ts'

export interface SigningProxyOptions {
  /** The SCIM base URL; what the identity provider calls follows its path. */
  readonly to: URL
  /** Those it signs for; which one a request is signed by is told by the key that it presents. */
  readonly keys: readonly OwnKey[]
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  /** Bytes of a body: it is held in memory, since nothing is sent on that is not signed. */
  readonly bodyLimit: number
}

export interface SigningProxy {
  readonly url: string
  /** Takes no more requests, answers those in hand for at most 10 seconds, and ends. */
  stop(): Promise<void>
}

const patience = 60_000
const endPatience = 10_000

/** Of one connection alone (RFC 9110 section 7.6.1), or made anew. */
const notPassedOn = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'content-length',
  'content-digest',
  'signature',
  'signature-input',
])

/** Signs what an identity provider sends that cannot sign, and presents the key; answers are passed on as they come. Rejects with what the system says of the port. */
export async function startSigningProxy(options: SigningProxyOptions): Promise<SigningProxy> {
  const { to, host, port } = options
  const agent = to.protocol === 'https:' ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  const server = createServer({ requestTimeout: patience }, (request, response) => {
    passOn(request, response, options, agent).catch((error: unknown) => {
      const [status, detail] = tellable(error, options)
      refuse(response, status, detail)
    })
  })
  await once(server.listen(port, host), 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('a server that listens has a port')
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    async stop() {
      const closed = once(server, 'close')
      server.close()
      server.closeIdleConnections()
      const late = setTimeout(() => server.closeAllConnections(), endPatience)
      await closed
      clearTimeout(late)
      agent.destroy()
    },
  }
}

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  { to, keys, bodyLimit }: SigningProxyOptions,
  agent: HttpAgent,
): Promise<void> {
  const key = presented(request.headers.authorization, keys)
  if (key === undefined) {
    return refuse(
      response,
      401,
      'The key in the Authorization header is none that this proxy signs for. Paste such a key into the identity provider, or start the proxy with the file of this one as --key too.',
    )
  }
  const path = request.url ?? '/'
  if (leavesBase(path)) {
    return refuse(
      response,
      400,
      'The path of the request has an empty segment or a dot segment (. or ..; percent-encoded too), or does not begin with a slash, and so may lead out of the SCIM base URL. Send one that follows that URL, as /Users does.',
    )
  }
  const bytes = await readBody(request, bodyLimit)
  const body = bytes.length === 0 ? undefined : bytes
  const method = request.method ?? 'GET'
  const url = new URL(`${to.origin}${to.pathname.replace(/\/+$/, '')}${path}`)
  const passed = headersOf(request.rawHeaders)
  if (body !== undefined) passed['content-type'] ??= 'application/scim+json'
  const contentType = body === undefined ? undefined : String(passed['content-type'])
  const sent = passed['latchkey-dry-run']
  const dryRun = sent === undefined ? undefined : [sent].flat().join(', ')
  const signed = signRequest({ method, url, contentType, body, dryRun }, key.signer, { now: new Date() })
  const announced = body === undefined && !request.headers['content-length'] ? {} : { 'content-length': bytes.length }
  const headers = { ...passed, ...announced, ...signed }
  const send = to.protocol === 'https:' ? httpsRequest : httpRequest
  const outgoing = send(url, { method, headers, agent, timeout: patience })
  outgoing.on('timeout', () => outgoing.destroy(new Error('it does not answer')))
  response.on('close', () => response.writableFinished || outgoing.destroy())
  outgoing.end(body)
  const answer = await answerTo(outgoing)
  response.writeHead(answer.statusCode ?? 502, headersOf(answer.rawHeaders, ['content-length']))
  await pipeline(answer, response)
}

/**
 * Whether a request target may lead to somewhere else than below the base URL (RFC 3986 section 5.2.4): where URLs are read a backslash is a
 * slash, and somebody on the way may decode what is percent-encoded.
 */
function leavesBase(target: string): boolean {
  const [path = ''] = target.split(/[?#]/, 1)
  const decoded = path
    .replaceAll(/%2e/gi, '.')
    .replaceAll(/%2f/gi, '/')
    .replaceAll(/\\|%5c/gi, '/')
  const [before, ...segments] = decoded.split('/')
  return (
    before !== '' ||
    segments.length === 0 ||
    segments.slice(0, -1).includes('') ||
    segments.some((segment) => segment === '.' || segment === '..')
  )
}

/** Whoever is told of an error here hears of it until the end: what is cut off in the middle of its answer has another one, which breaks that answer off. */
function answerTo(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => outgoing.on('error', reject).once('response', resolve))
}

/** Found in a time that tells nothing of any key. Okta sends it without the scheme. */
function presented(header: string | undefined, keys: readonly OwnKey[]): OwnKey | undefined {
  const sent = Buffer.from((header ?? '').replace(/^bearer +/i, ''))
  const [key] = keys.filter(({ text }) => {
    const own = Buffer.from(text)
    return sent.length === own.length && timingSafeEqual(sent, own)
  })
  return key
}

/** By names in lower case, without what Connection names; a field that is there more than once stays so. */
function headersOf(raw: readonly string[], but: readonly string[] = []): OutgoingHttpHeaders {
  const headers: Record<string, string[]> = {}
  const named = raw.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
  const ofConnection = named.flatMap((name, index) =>
    name === 'connection' ? (raw[index * 2 + 1] ?? '').split(',').map((one) => one.trim().toLowerCase()) : [],
  )
  const isLeftOut = (name: string): boolean => notPassedOn.has(name) || ofConnection.includes(name)
  for (const [index, name] of named.entries()) {
    if (!isLeftOut(name) || but.includes(name)) (headers[name] ??= []).push(raw[index * 2 + 1] ?? '')
  }
  return Object.fromEntries(
    Object.entries(headers).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  )
}

function tellable(error: unknown, { to, bodyLimit }: SigningProxyOptions): [status: number, detail: string] {
  if (error instanceof BodyTooLarge)
    return [413, `The body is larger than ${bodyLimit} bytes. Send it in smaller parts.`]
  return [
    502,
    `Latchkey at ${to.origin} could not be asked. Start it, or mend the address that this proxy was given with --to.`,
  ]
}

/** As RFC 7644 section 3.12 has errors. Where an answer has begun, it breaks off. */
function refuse(response: ServerResponse, status: number, detail: string): void {
  if (response.headersSent) return void response.destroy()
  const schemas = ['urn:ietf:params:scim:api:messages:2.0:Error']
  const headers = { 'content-type': 'application/scim+json', ...(status === 413 ? { connection: 'close' } : {}) }
  response.writeHead(status, headers).end(JSON.stringify({ schemas, detail, status: String(status) }))
}
