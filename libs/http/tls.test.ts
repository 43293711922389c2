import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as later } from 'node:timers/promises'
import { connect, TLSSocket } from 'node:tls'
import { Controller, Get, Module, Req } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import { AddressRanges } from '#libs/addresses/index'
import { certified, type CertifiedKey, selfSigned, thumbprintOf } from '#test/certificates'
import { directCallers } from './caller.ts'
import {
  type CallerRules,
  CertificateUnusable,
  createHttpAdapter,
  listen,
  type Listening,
  ProblemFilter,
  readCertificate,
  watchCertificate,
} from './index.ts'

@Controller()
class Where {
  @Get('admin/where')
  admin(@Req() { caller }: FastifyRequest) {
    return { ...caller, certificate: caller.certificate?.() }
  }

  @Get('scim/where')
  raw(@Req() { caller }: FastifyRequest) {
    return caller
  }

  @Get('health/live')
  live() {
    return {}
  }
}

@Module({ controllers: [Where] })
class TestModule {}

const folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'))
const files = { certificate: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
const first = selfSigned('first')
const servers: Listening[] = []

afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  rmSync(folder, { recursive: true })
})

async function start(callers: CallerRules, certificate?: CertifiedKey) {
  const adapter = createHttpAdapter({
    bodyLimit: 1_000,
    requestTimeoutMs: 1_000,
    rawPrefixes: ['/scim'],
    callers,
    ...(certificate === undefined ? {} : { certificate }),
  })
  const app = await NestFactory.create(TestModule, adapter, { bodyParser: false, logger: false, abortOnError: false })
  app.useGlobalFilters(
    new ProblemFilter({ logger: { error: () => undefined }, methodsAt: (path) => adapter.methodsAt(path) }),
  )
  const listening = await listen(app, { host: '127.0.0.1', port: 0 })
  servers.push(listening)
  return { adapter, url: listening.url }
}

interface Told {
  readonly status: number
  readonly body: unknown
  /** Of the certificate that the server showed. */
  readonly name: string
}

async function ask(url: string, headers: Record<string, string> = {}, agent = trusting(first)): Promise<Told> {
  const { promise, resolve, reject } = Promise.withResolvers<Told>()
  const answered = (answer: IncomingMessage): void => {
    const { socket } = answer
    const name = socket instanceof TLSSocket ? String(socket.getPeerCertificate().subject.CN) : ''
    text(answer).then((read) => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(read), name }), reject)
  }
  const isTls = url.startsWith('https:')
  const outgoing = isTls ? httpsRequest(url, { headers, agent }, answered) : request(url, { headers }, answered)
  outgoing.on('error', reject).end()
  return promise
}

function trusting({ cert }: CertifiedKey, keepAlive = false): Agent {
  return new Agent({ ca: cert, keepAlive })
}

function write({ cert, key }: CertifiedKey): void {
  writeFileSync(files.certificate, cert)
  writeFileSync(files.key, key)
}

async function until(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    if (Date.now() > deadline) throw new Error('it did not come about')
    await later(5)
  }
}

const nowhere: CallerRules = { ...directCallers, plainFrom: AddressRanges.reading([]) }
const behindProxy: CallerRules = { ...nowhere, proxies: AddressRanges.reading(['127.0.0.1']) }

describe('plain HTTP', () => {
  test('from this machine is taken, and the caller is known', async () => {
    const { url } = await start(directCallers)
    expect(await ask(`${url}/admin/where`, { 'x-forwarded-for': '192.0.2.1' })).toMatchObject({
      status: 200,
      body: { text: '127.0.0.1', link: 'exempt', isProxied: false },
    })
  })

  test('from elsewhere is refused, not redirected, with cause and fix; health may be asked all the same', async () => {
    const { url } = await start(nowhere)
    const { status, body } = await ask(`${url}/admin/where`, { 'x-forwarded-proto': 'https' })
    expect([status, body]).toEqual([403, expect.objectContaining({ code: 'inClear' })])
    expect(body).toMatchObject({ detail: expect.stringMatching(/over plain HTTP.*Use the https address/) })
    for (const path of ['/%61dmin/where', '/admin/nowhere', '/elsewhere'])
      expect((await ask(`${url}${path}`)).status).toBe(403)
    expect((await ask(`${url}/health/live`)).status).toBe(200)
  })

  test('is for those to judge who read the body themselves', async () => {
    const { url } = await start(nowhere)
    expect(await ask(`${url}/scim/where`)).toMatchObject({ status: 200, body: { link: 'clear' } })
  })

  test('of a listed proxy counts as what that took', async () => {
    const { url } = await start(behindProxy)
    const sent = (proto: string, address = '203.0.113.9') =>
      ask(`${url}/admin/where`, { 'x-forwarded-for': address, 'x-forwarded-proto': proto })
    expect(await sent('https')).toMatchObject({ status: 200, body: { text: '203.0.113.9', link: 'tls' } })
    expect(await sent('http')).toMatchObject({ status: 403, body: { code: 'inClear' } })
    expect(await sent('https', 'unknown')).toMatchObject({ status: 400, body: { code: 'addressUnreadable' } })
  })
})

describe('TLS', () => {
  test('who ends his side in the middle of a body still hears the answer', async () => {
    const { url } = await start(nowhere, first)
    const socket = connect({
      socket: connectTcp({ port: Number(new URL(url).port), allowHalfOpen: true }),
      ca: first.cert,
    })
    socket.end('POST /health/live HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{}')
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 405 /)
  })

  test('is spoken of version 1.2 at the least, and nothing else is', async () => {
    const { url } = await start(directCallers, first)
    expect(url).toMatch(/^https:/)
    expect(await ask(`${url}/admin/where`)).toMatchObject({ status: 200, body: { link: 'tls' }, name: 'first' })
    await expect(ask(`${url.replace('https', 'http')}/health/live`)).rejects.toThrow()
    const old = connect({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      ca: first.cert,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    })
    await expect(once(old, 'secureConnect')).rejects.toThrow()
  })

  test('knows the certificate of a client, of whatever authority, and of one that has none nothing', async () => {
    const { url } = await start(directCallers, first)
    const client = selfSigned('client')
    const agent = new Agent({ ca: first.cert, cert: client.cert, key: client.key })
    const thumbprint = thumbprintOf(client)
    expect((await ask(`${url}/admin/where`, {}, agent)).body).toMatchObject({ certificate: { thumbprint } })
    expect((await ask(`${url}/admin/where`)).body).not.toHaveProperty('certificate')
    agent.destroy()
  })

  test('of a client certificate is believed what a listed proxy tells that is said to, and nobody else', async () => {
    const client = selfSigned('client')
    const told = {
      'client-cert': `:${new X509Certificate(client.cert).raw.toString('base64')}:`,
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
    }
    const thumbprint = thumbprintOf(client)
    const proxied = await start({ ...behindProxy, tellCertificates: true })
    const others = [await start(directCallers), await start(behindProxy)]
    expect((await ask(`${proxied.url}/admin/where`, told)).body).toMatchObject({ certificate: { thumbprint } })
    for (const { url } of others) expect((await ask(`${url}/admin/where`, told)).body).not.toHaveProperty('certificate')
    for (const broken of ['nonsense', ':bm9uc2Vuc2U=:', `${told['client-cert']}, ${told['client-cert']}`]) {
      const { body } = await ask(`${proxied.url}/admin/where`, { ...told, 'client-cert': broken })
      expect(body).toMatchObject({ certificate: 'unreadable' })
    }
    const { body } = await ask(`${proxied.url}/admin/where`, { ...told, 'client-cert': '' })
    expect(body).not.toHaveProperty('certificate')
  })

  test('a new certificate meets new connections, and those that stand go on', async () => {
    const { adapter, url } = await start(directCallers, first)
    const kept = trusting(first, true)
    expect((await ask(`${url}/health/live`, {}, kept)).name).toBe('first')
    const second = selfSigned('second')
    adapter.useCertificate(second)
    expect((await ask(`${url}/health/live`, {}, kept)).name).toBe('first')
    expect((await ask(`${url}/health/live`, {}, trusting(second))).name).toBe('second')
    kept.destroy()
  })
})

describe('the files of a certificate', () => {
  test.each([
    ['that are missing', undefined, undefined, /cert\.pem is no certificate and key .*ENOENT.*LATCHKEY_TLS_CERT/],
    ['that hold something else', 'nothing', 'nothing', /are no certificate and key .*LATCHKEY_TLS_KEY/],
    ['of which the key is another', first.cert, selfSigned('other').key, /key\.pem is not that of the certificate/],
  ])('%s are told with cause and fix', (_what, cert, key, told) => {
    rmSync(files.certificate, { force: true })
    rmSync(files.key, { force: true })
    if (cert !== undefined && key !== undefined) write({ cert, key })
    expect(() => readCertificate(files)).toThrow(CertificateUnusable)
    expect(() => readCertificate(files)).toThrow(told)
  })

  test('serve out of their time too, and each is warned of once, also when time alone has passed: ahead, and when it has expired', async () => {
    const [day, start] = [86_400_000, Date.UTC(2026, 0, 1)]
    let now = start
    let looks = 0
    const told: string[] = []
    const long = certified('long', { from: start + day, to: start + 101 * day })
    write(long)
    const watched = watchCertificate(files, readCertificate(files), {
      changed: () => undefined,
      failed: ({ message }) => told.push(message),
      outOfTime: (warning) => told.push(warning),
      clock: () => {
        looks++
        return new Date(now)
      },
      every: 5,
    })
    const toldAt = async (days: number): Promise<readonly string[]> => {
      now = start + days * day
      const enough = looks + 3
      await until(() => looks >= enough)
      return told.splice(0)
    }
    const one = (pattern: RegExp): unknown[] => [expect.stringMatching(pattern)]
    expect(await toldAt(0)).toEqual(one(/cert\.pem is not valid before 2026-01-02T/))
    expect(await toldAt(86)).toEqual([])
    expect(await toldAt(87)).toEqual(one(/cert\.pem expires on 2026-04-12T.*Put one there that is valid/))
    expect(await toldAt(100)).toEqual([])
    expect(await toldAt(102)).toEqual(one(/cert\.pem expired on 2026-04-12T.*Put one there that is valid/))
    expect(watched.expiresAt()).toEqual(new Date(start + 101 * day))

    write(certified('short', { from: start + 102 * day, to: start + 112 * day }))
    await until(() => watched.expiresAt().getTime() === start + 112 * day)
    expect(await toldAt(109)).toEqual([])
    expect(await toldAt(110)).toEqual(one(/cert\.pem expires on 2026-04-23T/))
    watched.end()
  })

  test('are read again when they change; a pair that cannot serve is told once, and the one of before goes on', async () => {
    write(first)
    const used: string[] = []
    const told: string[] = []
    const watched = watchCertificate(files, readCertificate(files), {
      changed: ({ cert }) => used.push(cert),
      failed: ({ message }) => told.push(message),
      outOfTime: () => undefined,
      clock: () => new Date(),
      every: 10,
    })
    const [second, third] = [selfSigned('second'), selfSigned('third')]
    write(second)
    await until(() => used.length === 1)
    writeFileSync(files.certificate, third.cert)
    await until(() => told.length === 1)
    writeFileSync(files.key, third.key)
    await until(() => used.length === 2)
    rmSync(files.key)
    await until(() => told.length === 2)
    await later(60)
    watched.end()
    expect(used).toEqual([second.cert, third.cert])
    expect(told).toEqual([expect.stringContaining('is not that of'), expect.stringContaining('ENOENT')])
  })
})
