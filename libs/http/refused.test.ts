import { once } from 'node:events'
import { METHODS } from 'node:http'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as later } from 'node:timers/promises'
import { breachAdvice } from './breach.ts'
import {
  authorization,
  call,
  callers,
  connected,
  conversation,
  gate,
  head,
  logged,
  polled,
  server,
  serveTests,
  statuses,
  stream,
  unread,
} from './test/service.ts'

serveTests()

describe('problems', () => {
  test('an unknown address is named without its query', async () => {
    const { status, json } = await call('POST', '/nowhere?token=sesame', { 'content-type': 'text/plain' }, 'x')
    expect([status, json.code]).toEqual([404, 'notFound'])
    expect(json.detail).toContain('POST /nowhere.')
  })

  test('a method that an address does not take is told with those it takes', async () => {
    const { status, headers, json } = await call('DELETE', '/admin/v1/tenants?a=b')
    expect([status, json.code, headers.get('allow')]).toEqual([405, 'methodNotAllowed', 'GET, HEAD, POST'])
  })

  test('every method that Node parses is told alike', async () => {
    const others = METHODS.filter((method) => !['CONNECT', 'GET', 'HEAD', 'POST'].includes(method))
    expect(others).toEqual(expect.arrayContaining(['QUERY', 'PURGE', 'PROPFIND', 'M-SEARCH', 'TRACE']))
    for (const method of others) {
      for (const type of [[], ['content-type: text/plain', 'content-length: 1']]) {
        const asked = head(method, '/admin/v1/tenants', ...type) + (type.length === 0 ? '' : 'x')
        const next = head('GET', '/health/live')
        const { text } = await conversation([asked, next], (all) => all.includes('"live"'))
        expect([method, ...statuses(text)]).toEqual([method, 405, 200])
        expect(text).toMatch(/^allow: GET, HEAD, POST\r$/im)
      }
    }
    expect(logged).toEqual([])
  })

  test('an unknown failure is logged with a trace and tells the caller nothing else', async () => {
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const { status, json, text } = await call('GET', '/admin/v1/tenants/broken?q=1', { authorization, traceparent })
    expect([status, json.code]).toEqual([500, 'internal'])
    expect(json.detail).toContain('4bf92f3577b34da6a3ce929d0e0e4736')
    expect(text).not.toMatch(/lost|correct-horse|\.js/)
    expect(logged).toMatchObject([{ trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', path: '/admin/v1/tenants/broken' }])
  })

  test.each([
    ['headers over the limit', (at: string) => head('GET', at, `x: ${'y'.repeat(17_000)}`), 431, 'HPE_HEADER_OVERFLOW'],
    ['an address over the limit', (at: string) => head('GET', at + 'y'.repeat(17_000)), 431, 'HPE_HEADER_OVERFLOW'],
    ['a broken header', (at: string) => head('GET', at, 'no header'), 400, 'HPE_INVALID_HEADER_TOKEN'],
    ['a tunnel', (at: string) => head('CONNECT', at), 405, 'CONNECT'],
    ['an expectation', (at: string) => head('GET', at, 'expect: 200-ok'), 417, 'EXPECT'],
    ['one of a body', (at: string) => head('POST', at, 'expect: x', 'content-length: 9000000'), 417, 'EXPECT'],
    [
      'two ways to tell the length',
      (at: string) => head('POST', at, 'content-length: 2', 'transfer-encoding: chunked'),
      400,
      'HPE_INVALID_TRANSFER_ENCODING',
    ],
  ])('%s: refused in the form of the address, and told', async (_, request, status, reason) => {
    for (const target of ['/health/live', 'http://x/other/', '/other/']) {
      const { text } = await conversation([request(target)], () => false)
      expect(statuses(text)).toEqual([status])
      const other =
        /^content-type: text\/other\r\ncontent-length: 9\r\nconnection: close\r\n(?:[^\r]+\r\n)*\r\nother \d+$/im
      const problem = /^content-type: application\/problem\+json\r\n[^]*"detail":"[^"]+\. [^"]+\."/im
      expect(text).toMatch(target.endsWith('/other/') ? other : problem)
    }
    const method = /^[A-Z]+/.exec(request(''))?.[0]
    expect(unread).toEqual(
      ['/health/live', '/other/', '/other/'].map((target) => ({
        status,
        reason,
        detail: expect.stringMatching(/\. \w/),
        request: {
          method,
          target: expect.stringMatching(new RegExp(`^${target}y*$`)),
          caller: expect.objectContaining({ text: '127.0.0.1', link: 'exempt', isProxied: false }),
        },
      })),
    )
  })

  const broken = 'GET /other/ HTTP/1.1\r\nno header\r\n\r\n'
  test.each([
    ['that follows another which is answered', [head('GET', '/health/live') + broken]],
    ['of which a handler reads the body', [`${head('POST', '/scim/v2/c1/read', 'transfer-encoding: chunked')}0x2\r\n`]],
    ['that is none', ['\u0016\u0003\u0001 /other/ ']],
    ['whose target goes on', [`GET /other/${'y'.repeat(20_000)}`]],
  ])('a broken request %s is told without what it asks for', async (_, parts) => {
    await conversation(parts, () => false)
    expect(unread).toEqual([{ status: expect.any(Number), reason: expect.any(String), detail: expect.any(String) }])
  })

  test('a broken body that looks like another request is not told as one, nor answered in its form', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    socket.write(head('POST', '/scim/v2/c1/read', 'transfer-encoding: chunked', 'expect: 100-continue'))
    // Its headers have been read, so that its body is another packet.
    await once(socket, 'data')
    socket.write('GET /other/ HTTP/1.1\r\n')
    const [answer] = await once(socket, 'data')
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 400 [^]*content-type: application\/problem\+json/)
    await once(socket, 'close')
    expect(unread).toEqual([{ status: 400, reason: 'HPE_INVALID_CHUNK_SIZE', detail: expect.any(String) }])
  })

  test.each([
    ['whose handler reads it', '/scim/v2/c1/read', 400],
    ['that is read as JSON', '/admin/v1/tenants', 400],
    ['whose handler had refused it', '/scim/v2/c1/refused', 403],
    ['that nobody reads, as its address is none', '/nowhere', 404],
  ])('a broken body %s is answered once, by who handles it, and its connection ends', async (_, path, status) => {
    const chunked = head('POST', path, 'content-type: application/json', 'transfer-encoding: chunked')
    const next = head('GET', '/admin/v1/tenants/broken')
    for (const parts of [[`${chunked}0x2\r\n{}\r\n0\r\n\r\n${next}`], [chunked, '2\r\n{}\r\n', 'x\r\n', next]]) {
      const { text, closed } = await conversation(parts, () => false)
      expect([statuses(text), closed]).toEqual([[status], true])
      expect(text).toMatch(/^connection: close\r$/im)
    }
    expect(logged).toEqual([])
  })

  test('a body that is cut short is answered as one that did not arrive whole, and is not said to break HTTP', async () => {
    for (const path of ['/scim/v2/c1/read', '/admin/v1/tenants']) {
      const socket = connect({ port: Number(new URL(server.url).port), allowHalfOpen: true })
      socket.end(`${head('POST', path, 'content-type: application/json', 'content-length: 9')}{}`)
      expect(statuses(await text(socket))).toEqual([408])
    }
    expect(unread).toMatchObject([{ status: 408 }, { status: 408 }])
  })

  test('nor is one whose first line came before what broke', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    // What stands in one packet with a request is read once that is answered.
    socket.write(`${head('GET', '/health/live')}GET /other/ HTTP/1.1\r\nhost: x\r\n`)
    await once(socket, 'data')
    socket.write('no header\r\n\r\n')
    await once(socket, 'close')
    expect(unread).toEqual([{ status: 400, reason: 'HPE_INVALID_HEADER_TOKEN', detail: expect.any(String) }])
  })

  test('a broken request that comes on a connection of others, after empty lines, is told with what it asks for', async () => {
    const socket = connected()
    socket.write(head('GET', '/health/live'))
    await once(socket, 'data')
    await later(50)
    socket.write(`\r\n\r\n${broken}`)
    await once(socket, 'close')
    expect(unread).toMatchObject([{ request: { method: 'GET', target: '/other/' } }])
  })

  const looksLikeAnother = 'DELETE /other/victim HTTP/1.1\r\nx: '
  test.each([
    ['a body', head('POST', '/scim/v2/c1/read', `content-length: ${looksLikeAnother.length}`)],
    [
      'the body of one whose expectation is not met',
      head('POST', '/scim/v2/c1/read', `content-length: ${looksLikeAnother.length}`, 'expect: 200-ok'),
    ],
    ['a header', 'GET /health/live HTTP/1.1\r\nhost: x\r\nx: '],
  ])('what breaks behind %s that looks like another request is not told as that', async (_, request) => {
    for (const end of [looksLikeAnother.length, 5]) {
      unread.length = 0
      const socket = connected()
      const closed = once(socket, 'close')
      socket.write(request)
      await later(100)
      socket.write(looksLikeAnother.slice(0, end))
      if (end < looksLikeAnother.length) await later(100)
      socket.write(`${looksLikeAnother.slice(end)}G\u0001T / HTTP/1.1\r\n`)
      await closed
      for (const told of unread) expect(told.request?.target).not.toBe('/other/victim')
    }
  })

  test('what breaks behind a request in work is refused once that is answered, and the answer stays whole', async () => {
    const answered = conversation([head('GET', '/slow') + head('GET', '/health/live') + broken, broken], () => false)
    await gate.entered.promise
    await polled(() => unread.length === 1)
    gate.open.resolve()
    const { text } = await answered
    expect(statuses(text)).toEqual([200, 200, 400])
    expect(text).toMatch(/"greeting":"hello"\}HTTP\/1\.1 200 [^]*\}HTTP\/1\.1 400 [^]*\}$/)
    expect(unread).toHaveLength(1)
  })

  test('what breaks behind an answer that is streamed is refused behind its end', async () => {
    const answered = conversation([head('GET', '/stream') + broken, broken], () => false)
    await polled(() => unread.length === 1)
    stream.push('two')
    stream.push(null)
    const { text } = await answered
    expect(statuses(text)).toEqual([200, 400])
    expect(text).toMatch(/\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\nHTTP\/1\.1 400 /)
  })

  test('what does not arrive in time behind an answer that is streamed is written nothing into', async () => {
    const answered = conversation([head('GET', '/stream'), 'GET /health/live HTTP/1.1\r\n'], () => false)
    const { text, closed } = await answered
    expect([statuses(text), closed]).toEqual([[200], true])
    expect(unread).toMatchObject([{ status: 408 }])
  })

  test.each([1, 7, 40, 60, 75])(
    'of a client that breaks HTTP and leaves, in packets of %i bytes, nothing stays',
    async (size) => {
      const all = `${head('GET', '/health/live')}${head('POST', '/scim/v2/c1/read', 'transfer-encoding: chunked')}2\r\nok\r\n0x`
      const socket = connected()
      const closed = once(socket, 'close')
      for (let at = 0; at < all.length; at += size) {
        socket.write(all.slice(at, at + size))
        await later(1)
      }
      socket.end('\u0001\r\n')
      await closed
      expect(unread).toHaveLength(1)
    },
  )

  test('HTTP/1.0 knows no Host, and a Host may be empty, an address or a name, with a port', async () => {
    const hosts = ['', 'x:', 'example.com:8080', '192.0.2.7', '[2001:db8::1]:443', 'a-b_c.example', '%C3%A9', 'x']
    const requests = hosts.map((host) => `GET /health/live HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
    for (const request of ['GET /health/live HTTP/1.0\r\n\r\n', ...requests]) {
      expect((await conversation([request], (all) => all.includes('"live"'))).text).toContain('"live"')
    }
  })

  test.each([
    ['no Host', [], 'host-missing'],
    ['two of the same Host', ['host: x', 'host: x'], 'host-repeated'],
    ['a Host with a path', ['host: x/y'], 'host-invalid'],
    ['two keys or tokens', ['host: x', 'authorization: a', 'Authorization: a'], 'authorization-repeated'],
  ] as const)('%s: refused before anything is read, at every address', async (_, headers, breach) => {
    for (const target of ['/health/live', '/admin/v1/tenants', '/nowhere']) {
      const request = [`GET ${target} HTTP/1.1`, ...headers, '', ''].join('\r\n')
      const { text } = await conversation([request], (all) => /\r\n\r\n./.test(all))
      expect(statuses(text)).toEqual([400])
      expect(text).toContain(JSON.stringify(breachAdvice(breach)))
    }
  })

  test.each([
    ['', '/admin/v1/tenants', []],
    [', with a Host that is none', '/admin/v1/tenants', ['host: x y']],
    [', with two tokens', '/admin/v1/tenants', ['authorization: a', 'authorization: b']],
    [', at an address that cannot be decoded', '/admin/v1/tenants/%ff', []],
    [', at one whose handler reads the body itself', '/scim/v2/c1/refused', []],
  ])('a body in chunks by HTTP/1.0%s is refused, and its connection ends', async (also, path, headers) => {
    const lines = [`POST ${path} HTTP/1.0`, ...headers, 'connection: keep-alive', 'transfer-encoding: chunked', '', '']
    const parts = [lines.join('\r\n'), '2\r\n{}\r\n0\r\n\r\n', head('GET', '/health/live')]
    const { text, closed } = await conversation(parts, () => false)
    expect([statuses(text), closed]).toEqual([[path.startsWith('/scim/') ? 403 : 400], true])
    expect(text.includes(JSON.stringify(breachAdvice('transfer-coding-of-old-http')))).toBe(also === '')
  })

  test('what is sent along behind a body in chunks by HTTP/1.0 reaches no handler', async () => {
    const lines = ['POST /admin/v1/tenants HTTP/1.0', 'connection: keep-alive', 'transfer-encoding: chunked', '', '']
    const next = head('GET', '/admin/v1/tenants/broken')
    const { text, closed } = await conversation([`${lines.join('\r\n')}2\r\n{}\r\n0\r\n\r\n${next}`], () => false)
    expect([statuses(text), closed]).toEqual([[400], true])
    expect(logged).toEqual([])
  })

  test('what was sent ahead of a body in chunks by HTTP/1.0 is answered as what it is, though it waits', async () => {
    const lines = ['POST /admin/v1/tenants HTTP/1.0', 'connection: keep-alive', 'transfer-encoding: chunked', '', '']
    const ahead = head('GET', '/admin/v1/tenants').repeat(3)
    const { text } = await conversation([`${ahead}${lines.join('\r\n')}2\r\n{}\r\n0\r\n\r\n`], () => false)
    expect(statuses(text)).toEqual([200, 200, 200, 400])
  })

  test('a request that nobody began to read has no form of its own', async () => {
    const { text } = await conversation(['\r\n\u0001/other/ HTTP/1.1\r\n\r\n'], () => false)
    expect(statuses(text)).toEqual([400])
    expect(text).toContain('"code":"badRequest"')
  })

  test('an address that cannot be decoded is refused', async () => {
    const { status, json } = await call('GET', '/admin/v1/tenants/%ff', { authorization })
    expect([status, json.code]).toEqual([400, 'badRequest'])
  })

  test.each(['/admin/v1/tenants/%00', '/admin/v1/tenants?limit=1&name=a%00b', '/nowhere/%00'])(
    'U+0000 in an address is refused: %s',
    async (path) => {
      const { status, json } = await call('GET', path, { authorization })
      expect([status, json.code, json.detail]).toEqual([400, 'badRequest', expect.stringContaining('U+0000')])
      expect(logged).toEqual([])
    },
  )

  test('addresses whose errors have another form get it, also where no route answers', async () => {
    expect(await call('GET', '/other/unknown')).toMatchObject({ status: 418, json: { form: 'other' } })
  })

  test('a request that does not arrive whole in time is refused', async () => {
    const slow = head('POST', '/admin/v1/tenants', 'content-type: application/json', 'content-length: 10')
    const { text, closed } = await conversation([slow, '{'], () => false)
    expect(statuses(text)).toEqual([408])
    expect(closed).toBe(true)
  })
})

test('who sent a request is known though it hangs up while that waits behind others', async () => {
  const many = 100
  const sockets: Socket[] = []
  for (let opened = 0; opened < many; opened++) {
    const socket = connected()
    sockets.push(socket)
    await once(socket, 'connect')
  }
  await later(20)
  for (const socket of sockets) socket.write(head('GET', '/caller', `authorization: ${authorization}`))
  for (const socket of sockets) socket.destroy()
  await polled(() => callers.length === many)
  expect(new Set(callers.map(({ link, text }) => `${link} ${text}`))).toEqual(new Set(['exempt 127.0.0.1']))
})
