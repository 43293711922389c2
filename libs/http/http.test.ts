import dns from 'node:dns'
import { setTimeout as later } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { jest } from '@jest/globals'
import { NestFactory } from '@nestjs/core'
import type { FastifyInstance } from 'fastify'
import { PortTaken, createHttpAdapter, listen } from './index.ts'
import {
  admin,
  application,
  authorization,
  bodyLimit,
  call,
  checks,
  conversation,
  gate,
  head,
  logged,
  server,
  serveTests,
  statuses,
  TestModule,
} from './test/service.ts'

serveTests()

describe('raw bodies', () => {
  test.each(['application/scim+json', 'application/json', 'text/plain; charset=utf-8', 'nonsense', undefined])(
    'of type %s reach the handler unread',
    async (contentType) => {
      const bytes = new TextEncoder().encode('{"a":')
      const answer = await call(
        'POST',
        '/scim/v2/c1/read',
        contentType === undefined ? {} : { 'content-type': contentType },
        bytes,
      )
      expect(answer.json).toEqual({ text: '{"a":', parsed: null, contentType: contentType ?? null })
    },
  )

  test('an address that hides its prefix is raw all the same', async () => {
    const answer = await call('POST', '/%73cim/v2/c1/read', { 'content-type': 'application/json' }, '{}')
    expect(answer.json.text).toBe('{}')
  })

  test('of refused requests do not disturb the next request on the connection', async () => {
    for (const size of [2, 100_000, 3_000_000]) {
      const refused = head(
        'POST',
        '/scim/v2/c1/refused',
        'content-type: application/scim+json',
        `content-length: ${size}`,
      )
      const next = head('POST', '/scim/v2/c1/read', 'content-length: 2')
      const { text } = await conversation([refused, 'x'.repeat(size), next, 'ok'], (all) => all.includes('"text":"ok"'))
      expect(statuses(text)).toEqual([403, 201])
    }
  })

  test('of refused requests in chunks do not either', async () => {
    const refused = head('POST', '/scim/v2/c1/refused', 'transfer-encoding: chunked')
    const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
    const next = head('POST', '/scim/v2/c1/read', 'content-length: 2')
    const parts = [refused, ...Array.from({ length: 8 }, () => chunk), '0\r\n\r\n', next, 'ok']
    const { text } = await conversation(parts, (all) => all.includes('"text":"ok"'))
    expect(statuses(text)).toEqual([403, 201])
  })

  test('too large to be drained get their answer and the connection is closed', async () => {
    const refused = head('POST', '/scim/v2/c1/refused', 'content-length: 100000000')
    const { text, closed } = await conversation([refused, 'x'], () => false)
    expect(statuses(text)).toEqual([403])
    expect(text).toMatch(/^connection: close/im)
    expect(closed).toBe(true)
  })
})

describe('a target written as for a proxy', () => {
  test.each([
    ['http://x/health/live', 200, '"live"'],
    ['HTTPS://user@[::1]:8443/health/live?a=http://b/', 200, '"live"'],
    ['http://x', 404, 'GET /.'],
    ['http://x?a=b', 404, 'GET /.'],
    ['http://x/scim/v2/c1/%ff', 404, 'GET /scim/v2/c1/%25ff.'],
  ])('%s is answered as what follows the host', async (target, status, content) => {
    const { text } = await conversation([head('GET', target)], (all) => /\r\n\r\n./.test(all))
    expect(statuses(text)).toEqual([status])
    expect(text).toContain(content)
  })
})

describe('JSON bodies', () => {
  test('are parsed, defaults applied', async () => {
    expect((await admin('{"name":"acme"}', 'application/json; charset=utf-8')).json).toEqual({ name: 'acme', tags: [] })
  })

  test.each([
    ['broken', '{"name":', 'application/json', 400, 'malformedJson'],
    ['with a key twice', '{"name":"a","name":"b"}', 'application/json', 400, 'malformedJson'],
    ['with half of a surrogate pair', '{"name":"\\ud800"}', 'application/json', 400, 'malformedJson'],
    ['with one in a key', '{"name":"a","\\udc00":1}', 'application/json', 400, 'malformedJson'],
    ['too deep', `{"name":${'['.repeat(40)}${']'.repeat(40)}}`, 'application/json', 400, 'malformedJson'],
    ['poisoned', '{"__proto__":{"a":1}}', 'application/json', 422, 'invalid'],
    ['of another type', '{}', 'text/plain', 415, 'unsupportedMediaType'],
    ['of no type at all', '{}', 'nonsense', 415, 'unsupportedMediaType'],
    ['in another charset', '{}', 'application/json; charset=iso-8859-1', 415, 'unsupportedMediaType'],
    ['over the limit', `{"name":"${'x'.repeat(bodyLimit)}"}`, 'application/json', 413, 'payloadTooLarge'],
    ['far over the limit', 'x'.repeat(2 * 1024 * 1024), 'application/json', 413, 'payloadTooLarge'],
    ['against the schema', '{"tags":[{"a/b":"1"}]}', 'application/json', 422, 'invalid'],
    ['empty', '', 'application/json', 422, 'invalid'],
  ])('%s', async (_, body, contentType, status, code) => {
    const answer = await admin(body, contentType)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.json).toMatchObject({ type: `urn:latchkey:problem:${code}`, code, status })
    expect(logged).toEqual([])
  })

  test('that are not UTF-8 are refused, with cause and fix, and so is a key that stands twice, with its place', async () => {
    const bytes = Buffer.from('{"name":"\u00e9"}', 'latin1')
    const { status, json } = await call(
      'POST',
      '/admin/v1/tenants',
      { authorization, 'content-type': 'application/json' },
      bytes,
    )
    expect([status, json.code, json.detail]).toEqual([
      400,
      'malformedJson',
      'The body is not UTF-8. Encode it as UTF-8.',
    ])
    expect((await admin('{"name":"a","name":"b"}')).json.detail).toMatch(/stands twice in one object.*once/)
    expect((await admin('{"name":"\\ud83d\\ude00"}')).json.name).toBe('\u{1f600}')
  })

  test('that are compressed are refused with what is taken instead', async () => {
    const { status, headers, json } = await call(
      'POST',
      '/admin/v1/tenants',
      { authorization, 'content-type': 'application/json', 'content-encoding': 'gzip' },
      gzipSync('{"name":"acme"}'),
    )
    expect([status, json.code, headers.get('accept-encoding')]).toEqual([415, 'unsupportedContentEncoding', 'identity'])
  })

  test('that are coded otherwise than in chunks are refused, and nothing is taken that follows them', async () => {
    const type = 'content-type: application/json'
    const refused = head('POST', '/admin/v1/tenants', type, 'transfer-encoding: gzip, chunked')
    const parts = [refused, '2\r\n{}\r\n0\r\n\r\n', head('GET', '/health/live')]
    const { text, closed } = await conversation(parts, () => false)
    expect([statuses(text), closed]).toEqual([[501], true])
    expect(text).toContain('"unsupportedTransferCoding"')
  })

  test.each(['xchunked', 'identity', 'gzip'])(
    'that are coded as %s, whose end nobody knows, are refused alike',
    async (coding) => {
      const refused = head(
        'POST',
        '/admin/v1/tenants',
        'content-type: application/json',
        `transfer-encoding: ${coding}`,
      )
      const { text, closed } = await conversation([refused, '2\r\n{}\r\n0\r\n\r\n'], () => false)
      expect([statuses(text), closed]).toEqual([[501], true])
      expect(text).toContain('"unsupportedTransferCoding"')
    },
  )

  test('against the schema are told with a JSON pointer to each fault', async () => {
    const { json } = await admin('{"tags":[{"a/b":"1"}]}')
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(['#/name', '#/tags/0/a~1b'])
  })
})

describe('admin lists', () => {
  test('pages follow one another to the last, each item once', async () => {
    const seen: number[] = []
    let next: string | undefined = ''
    while (next !== undefined) {
      const after: string = next === '' ? '' : `&after=${next}`
      const { json } = await call('GET', `/admin/v1/tenants?limit=2${after}`, { authorization })
      expect(json.items.length).toBeLessThanOrEqual(2)
      seen.push(...json.items.map(({ id }: { id: number }) => id))
      next = json.next
    }
    expect(seen).toEqual([1, 2, 3, 4, 5])
  })

  test.each(['limit=0', 'limit=201', 'limit=x', 'after=x', 'after=W10', 'after=WyJcdTAwMDAiXQ'])(
    '%s is refused',
    async (query) => {
      const { status, json } = await call('GET', `/admin/v1/tenants?${query}`, { authorization })
      expect([status, json.errors[0].pointer]).toEqual([422, `#/${query.split('=')[0]}`])
    },
  )
})

describe('health', () => {
  test('a process is ready when nothing is missing', async () => {
    checks.push({ name: 'postgres', check: async () => undefined })
    expect(await call('GET', '/health/live')).toMatchObject({ status: 200, json: { status: 'live' } })
    expect(await call('GET', '/health/ready')).toMatchObject({ status: 200, json: { status: 'ready', missing: [] } })
  })

  test('what is missing is named with its reason, also what does not answer', async () => {
    checks.push(
      { name: 'postgres', check: () => Promise.reject(new Error('connection refused')) },
      { name: 'log', check: () => Promise.withResolvers<void>().promise },
      { name: 'disk', check: async () => undefined },
    )
    const { status, json } = await call('GET', '/health/ready')
    expect([status, json]).toEqual([
      503,
      {
        status: 'not-ready',
        missing: [
          { name: 'postgres', reason: 'connection refused' },
          { name: 'log', reason: 'no answer within 2 s' },
        ],
        degraded: [],
      },
    ])
  })

  test('without what it can do without, a process is ready and says so', async () => {
    checks.push(
      { name: 'postgres', check: async () => undefined },
      { name: 'kafka', without: 'degraded', check: () => Promise.reject(new Error('connection refused')) },
    )
    expect(await call('GET', '/health/ready')).toMatchObject({
      status: 200,
      json: { status: 'ready', missing: [], degraded: [{ name: 'kafka', reason: 'connection refused' }] },
    })
  })

  test('metrics are plain text', async () => {
    const response = await fetch(`${server.url}/metrics`)
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4')
    expect(await response.text()).toBe('latchkey_up 1\n')
  })
})

describe('starting and ending', () => {
  test('a taken port is told as one', async () => {
    const { port } = new URL(server.url)
    const taken = listen(await application(), { host: '127.0.0.1', port: Number(port) })
    await expect(taken).rejects.toThrow(PortTaken)
    await expect(taken).rejects.toThrow(`port ${port} of 127.0.0.1 is in use`)
  })

  test('a name of two addresses is served at one, by a server that has all of our rules', async () => {
    const lookup = jest.spyOn(dns, 'lookup').mockImplementation((...asked: unknown[]) => {
      const [name, , told] = asked
      const addresses = name === 'localhost' ? ['127.0.0.1', '127.0.0.2'] : [name]
      const all = addresses.map((address) => ({ address, family: 4 }))
      if (typeof told === 'function') told(null, all)
    })
    const adapter = createHttpAdapter({ bodyLimit, requestTimeoutMs: 1_500 })
    const app = await NestFactory.create(TestModule, adapter, { bodyParser: false, logger: false })
    const listening = await listen(app, { host: 'localhost', port: 0 })
    expect(adapter.getInstance<FastifyInstance>().addresses()).toHaveLength(1)
    await listening.close()
    lookup.mockRestore()
  })

  test('closing answers what is in flight, closes its connection, and takes no more', async () => {
    const app = await listen(await application(), { host: '127.0.0.1', port: 0 })
    const inFlight = fetch(`${app.url}/slow`)
    await gate.entered.promise
    const closed = app.close()
    await expect(fetch(`${app.url}/health/live`)).rejects.toThrow()
    expect(await Promise.race([closed.then(() => 'closed'), later(50, 'waiting')])).toBe('waiting')
    gate.open.resolve()
    const response = await inFlight
    expect([response.headers.get('connection'), await response.json()]).toEqual(['close', { greeting: 'hello' }])
    await closed
    await app.close()
  })
})
