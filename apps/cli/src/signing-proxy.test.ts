import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { mintKey } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
import { readKeyFile } from './key-file.ts'
import { type SigningProxy, startSigningProxy } from './signing-proxy.ts'
import { present, signingKeys } from './test/signing-keys.ts'

const { folder, isGenuine, key, verifying } = signingKeys()
/** Another key of the same connection, as during a rotation. */
const other = signingKeys()

interface Received {
  readonly method: string
  readonly target: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What Latchkey would be sent. */
const received: Received[] = []
let answer: { status: number; headers: Record<string, string | string[]>; body: string } = {
  status: 200,
  headers: {},
  body: '',
}
const target = createServer((request, response) => {
  void (async () => {
    const body = await text(request)
    const { method = '', url = '', headers } = request
    received.push({ method, target: url, headers, body })
    response.writeHead(answer.status, answer.headers).end(answer.body)
  })()
})
let to: string

beforeAll(async () => {
  await once(target.listen(0, '127.0.0.1'), 'listening')
  const address = target.address()
  to = `http://127.0.0.1:${typeof address === 'string' ? '' : address?.port}/scim/v2/c1`
})
afterAll(() => {
  target.close()
  target.closeAllConnections()
})
beforeEach(() => {
  received.length = 0
  answer = { status: 200, headers: {}, body: '' }
})

describe('the signing proxy', () => {
  let proxy: SigningProxy
  const bearer = { authorization: `Bearer ${key}` }

  async function start(change: Partial<Parameters<typeof startSigningProxy>[0]> = {}): Promise<SigningProxy> {
    const own = readKeyFile(join(folder, 'hmac.json'))
    return startSigningProxy({ to: new URL(to), keys: [own], host: '127.0.0.1', port: 0, bodyLimit: 1_000, ...change })
  }
  function startProgram(target: string, ...more: string[]) {
    const main = fileURLToPath(new URL('./main.js', import.meta.url))
    const key = join(folder, 'hmac.json')
    return spawn(process.execPath, [main, 'sign-proxy', '--to', target, '--key', key, '--port', '0', ...more])
  }
  async function addressOf(program: ReturnType<typeof startProgram>): Promise<string> {
    const [line] = await once(program.stdout, 'data')
    return /SCIM base URL: (http:\/\/127\.0\.0\.1:\d+)/.exec(String(line))?.[1] ?? ''
  }
  beforeEach(async () => {
    proxy = await start()
  })
  afterEach(() => proxy.stop())

  test('signs each request anew, and passes on what it says and what is answered', async () => {
    answer = {
      status: 201,
      headers: {
        etag: 'W/"1"',
        location: 'there',
        'set-cookie': ['a=1', 'b=2'],
        'content-type': 'application/scim+json',
      },
      body: '{"id":"1"}',
    }
    const sent = await fetch(`${proxy.url}/Users?a=b%20c`, {
      method: 'POST',
      headers: {
        ...bearer,
        'content-type': 'application/scim+json; charset=utf-8',
        'x-own': 'kept',
        signature: 'a=:AAAA:',
        'content-digest': 'md5=:AAAA:',
      },
      body: '{"userName":"ada"}',
    })
    expect([sent.status, sent.headers.get('etag'), sent.headers.getSetCookie(), await sent.text()]).toEqual([
      201,
      'W/"1"',
      ['a=1', 'b=2'],
      '{"id":"1"}',
    ])
    const [one] = received
    expect(one).toMatchObject({ method: 'POST', target: '/scim/v2/c1/Users?a=b%20c', body: '{"userName":"ada"}' })
    expect(one?.headers).toMatchObject({
      ...bearer,
      'x-own': 'kept',
      'content-type': 'application/scim+json; charset=utf-8',
    })
    expect(isGenuine(`${to}/Users?a=b%20c`, present(one), verifying.hmac)).toBe(true)
    await fetch(`${proxy.url}/Users`, { headers: { authorization: key } })
    await fetch(`${proxy.url}/Users`, { headers: bearer })
    const nonces = received.map(({ headers }) => /nonce="([^"]*)"/.exec(String(headers['signature-input']))?.[1])
    expect(new Set(nonces).size).toBe(3)
    expect(isGenuine(`${to}/Users`, present(received[2]), verifying.hmac)).toBe(true)
  })

  test('signs that a request is a dry run, however it is written', async () => {
    for (const sent of ['true', ' TRUE ', 'true, true', '']) {
      await fetch(`${proxy.url}/Users/1`, { method: 'DELETE', headers: { ...bearer, 'latchkey-dry-run': sent } })
      const one = present(received.pop())
      expect(one.headers['latchkey-dry-run']).toBe(sent.trim())
      expect(one.headers['signature-input']).toContain('"latchkey-dry-run"')
      expect(isGenuine(`${to}/Users/1`, one, verifying.hmac)).toBe(true)
    }
    const twice = httpRequest(`${proxy.url}/Users`, { headers: { ...bearer, 'latchkey-dry-run': ['true', 'false'] } })
    const [answered] = await once(twice.end(), 'response')
    answered.resume()
    expect(isGenuine(`${to}/Users`, present(received[0]), verifying.hmac)).toBe(true)
  })

  test('passes on no field that Connection names, neither of the request nor of the answer', async () => {
    answer = { status: 200, headers: { connection: 'keep-alive, X-Near', 'x-near': '1', 'x-far': '1' }, body: '{}' }
    const headers = { ...bearer, connection: 'close, X-Near', 'x-near': '1', 'x-far': '1' }
    const [answered] = await once(httpRequest(`${proxy.url}/Users`, { headers }).end(), 'response')
    answered.resume()
    for (const passed of [present(received[0]).headers, answered.headers]) {
      expect(passed).toMatchObject({ 'x-far': '1' })
      expect(passed).not.toHaveProperty('x-near')
    }
  })

  test('passes on an answer without a body, also to HEAD, and a refusal', async () => {
    answer = { status: 204, headers: {}, body: '' }
    expect((await fetch(`${proxy.url}/Users/1`, { method: 'DELETE', headers: bearer })).status).toBe(204)
    expect((await fetch(`${proxy.url}/Users`, { method: 'HEAD', headers: bearer })).status).toBe(204)
    answer = { status: 409, headers: {}, body: '{"scimType":"uniqueness"}' }
    expect(await (await fetch(`${proxy.url}/Users`, { headers: bearer })).json()).toEqual({ scimType: 'uniqueness' })
  })

  test('signs for nobody who does not present the key', async () => {
    for (const authorization of [undefined, 'Bearer ', `Bearer ${key}x`, `Bearer ${mintKey('sandbox').text}`]) {
      const headers = authorization === undefined ? {} : { authorization }
      expect((await fetch(`${proxy.url}/Users`, { headers })).status).toBe(401)
    }
    expect(received).toEqual([])
  })

  test('signs for each of several keys by what was saved with the one that is presented', async () => {
    const files = [join(folder, 'hmac.json'), join(other.folder, 'ed25519.json')]
    const both = await start({ keys: files.map(readKeyFile) })
    for (const one of [key, other.key]) {
      const headers = { authorization: `Bearer ${one}` }
      expect((await fetch(`${both.url}/Users`, { headers })).status).toBe(answer.status)
    }
    await both.stop()
    const [first, second] = received.map((request) => present(request))
    expect([first?.headers.authorization, second?.headers.authorization]).toEqual([
      `Bearer ${key}`,
      `Bearer ${other.key}`,
    ])
    expect(isGenuine(`${to}/Users`, present(first), verifying.hmac)).toBe(true)
    expect(other.isGenuine(`${to}/Users`, present(second), other.verifying.ed25519)).toBe(true)
  })

  test('sends nothing on of a body beyond the limit, however long it says it is', async () => {
    const big = 'x'.repeat(1_001)
    expect((await fetch(`${proxy.url}/Users`, { method: 'POST', headers: bearer, body: big })).status).toBe(413)
    const chunked = httpRequest(`${proxy.url}/Users`, {
      method: 'POST',
      headers: { ...bearer, 'transfer-encoding': 'chunked' },
    })
    chunked.on('error', () => {})
    chunked.write(big)
    const [refused] = await once(chunked, 'response')
    expect(refused.statusCode).toBe(413)
    chunked.destroy()
    expect(received).toEqual([])
  })

  test('signs for no address that leads out of the SCIM base URL', async () => {
    const { port } = new URL(proxy.url)
    const paths = [
      '/%2e%2e/x',
      '/../../admin/v1/tenants',
      '/Users/.%2E/..?a=b',
      '/./Users',
      '/%2E',
      '//Users',
      '/Users//1',
    ]
    for (const path of [...paths, '/..\\..\\x', '/a%2F..%5cx', '*', 'http://127.0.0.1/Users']) {
      const sent = httpRequest({ host: '127.0.0.1', port, path, headers: bearer }).end()
      const [refused] = await once(sent, 'response')
      let said = ''
      for await (const piece of refused) said += String(piece)
      expect([path, refused.statusCode, said]).toEqual([path, 400, expect.stringContaining('follows that URL')])
    }
    expect(received).toEqual([])
    for (const path of ['/Users/', '/Users/a..b?filter=x%20eq%20%22../y%22', '/Users/...']) {
      expect((await fetch(`${proxy.url}${path}`, { headers: bearer })).status).toBe(answer.status)
    }
    expect(received.map(({ target }) => target)).toContain('/scim/v2/c1/Users/...')
  })

  test('a body in pieces is sent on whole and signed', async () => {
    const pieces = httpRequest(`${proxy.url}/Users`, {
      method: 'POST',
      headers: { ...bearer, 'content-type': 'application/json' },
    })
    for (const piece of ['{"userName"', ':', '"ada"}']) pieces.write(piece)
    pieces.end()
    await once(pieces, 'response')
    expect(received[0]?.body).toBe('{"userName":"ada"}')
    expect(isGenuine(`${to}/Users`, present(received[0]), verifying.hmac)).toBe(true)
  })

  test('says so when Latchkey cannot be asked', async () => {
    const nowhere = await start({ to: new URL(`http://127.0.0.1:${await freePort('127.0.0.1')}/scim/v2/c1`) })
    const sent = await fetch(`${nowhere.url}/Users`, { headers: bearer })
    expect([sent.status, await sent.json()]).toMatchObject([502, { detail: expect.stringContaining('--to') }])
    await nowhere.stop()
  })

  test('breaks an answer off that Latchkey breaks off, and goes on', async () => {
    let reset: () => unknown = () => undefined
    const breaking = createServer((_request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"Resources":[')
      reset = () => response.socket?.resetAndDestroy()
    })
    await once(breaking.listen(0, '127.0.0.1'), 'listening')
    const address = breaking.address()
    const port = typeof address === 'string' ? 0 : (address?.port ?? 0)
    const program = startProgram(`http://127.0.0.1:${port}/scim/v2/c1`)
    const url = await addressOf(program)
    for (let time = 0; time < 2; time++) {
      const sent = await fetch(`${url}/Users`, { headers: bearer })
      expect(sent.status).toBe(200)
      reset()
      await expect(sent.text()).rejects.toThrow('terminated')
    }
    program.kill('SIGTERM')
    expect(await once(program, 'exit')).toEqual([0, null])
    breaking.close()
  })

  test('as a program, refuses to send the key to another machine in clear, unless told to', async () => {
    const inClear = 'http://scim.example.com/scim/v2/c1'
    const refused = startProgram(inClear)
    const said = text(refused.stderr)
    expect(await once(refused, 'exit')).toEqual([2, null])
    expect(await said).toMatch(/would go to scim\.example\.com in clear.*https.*--insecure-http/)
    for (const [target, ...more] of [
      [inClear, '--insecure-http'],
      ['http://127.0.0.2/scim/v2/c1'],
      ['http://[::1]/scim/v2/c1'],
      ['http://localhost/scim/v2/c1'],
      ['https://scim.example.com/scim/v2/c1'],
    ] as const) {
      const program = startProgram(target, ...more)
      expect(await addressOf(program)).toContain('http://127.0.0.1')
      program.kill('SIGTERM')
      expect(await once(program, 'exit')).toEqual([0, null])
    }
  })

  test('as a program, signs for the key of each --key', async () => {
    const program = startProgram(to, '--key', join(other.folder, 'ed25519.json'))
    const url = await addressOf(program)
    for (const one of [key, other.key]) {
      expect((await fetch(`${url}/Users`, { headers: { authorization: `Bearer ${one}` } })).status).toBe(200)
    }
    program.kill('SIGTERM')
    expect(await once(program, 'exit')).toEqual([0, null])
  })

  test('as a program, listens on this machine alone and ends with 0 when it is told to', async () => {
    const program = startProgram(to)
    const url = await addressOf(program)
    expect((await fetch(`${url}/Users`, { headers: bearer })).status).toBe(200)
    program.kill('SIGTERM')
    expect(await once(program, 'exit')).toEqual([0, null])
  })
})
