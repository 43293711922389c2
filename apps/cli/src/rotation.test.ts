import { randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { mintKey } from '#libs/credentials/index'
import { run } from './run.ts'
import { adminServer, answer } from './test/admin-server.ts'
import { connection, key } from './test/answered.ts'

const server = adminServer()
const { latchkey } = server

const running = {
  id: '01a20e52-426b-7001-83a3-51975df3f104',
  connection: connection.id,
  mode: 'strict',
  graceHours: 24,
  state: 'running',
  startedAt: '2026-03-01T10:00:00.000Z',
  startedBy: { kind: 'schedule' },
  dueAt: '2026-03-15T10:00:00.000Z',
  hardEnd: '2026-03-16T10:00:00.000Z',
  cutOverAt: null,
  until: null,
  extensions: 0,
  endedAt: null,
  endedBy: null,
  outcome: null,
  newKey: { kid: 'mnopqrstuvwx', firstUsed: null, lastUsed: null },
  oldKey: { kid: key.kid, lastUsed: null, stillUsed: false },
}

describe('keys that take turns', () => {
  const rotations = `/admin/v1/connections/${connection.id}/rotations`
  const policy = {
    connection: connection.id,
    mode: 'strict',
    everyDays: 90,
    graceHours: 24,
    mintAheadDays: 14,
    dueAt: null,
    mintAt: null,
  }

  test('policy sends the whole of it, with what was named in the place of what is there', async () => {
    const sent: unknown[] = []
    server.respond = (request, response) => {
      if (request.method === 'PUT') sent.push(JSON.parse(request.body))
      answer(200, policy)(request, response)
    }
    const of = ['keys', 'policy', '--connection', connection.id]
    expect((await latchkey(of)).out).toMatch(/^mode +strict\nevery +90 days\n/)
    expect(sent).toEqual([])
    await latchkey([...of, '--every', 'never', '--grace', '2d'])
    expect(sent).toEqual([{ mode: 'strict', everyDays: null, graceHours: 48, mintAheadDays: 14 }])
  })

  test('rotate says when the old key ends, whatever becomes of the new one', async () => {
    server.respond = answer(201, { ...running, key: 'lk_live_x' })
    const { out } = await latchkey(['keys', 'rotate', '--connection', connection.id])
    expect(out).toContain('it ends at 2026-03-16T10:00:00.000Z also if that is never used')
  })

  test('a text that was lost with its answer is told with the way to another', async () => {
    server.respond = answer(201, running)
    const lost = await latchkey(['keys', 'rotate', '--connection', connection.id])
    expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--force') })
    server.respond = answer(200, key)
    expect((await latchkey(['keys', 'reveal', key.kid])).err).toContain(
      `keys rotate --connection ${connection.id} --force`,
    )
  })

  test.each([
    ['a key', [key.kid], [`${rotations}?limit=200`]],
    ['a connection', ['--connection', connection.id], [`${rotations}?state=running&limit=1`, `${rotations}?limit=1`]],
  ])('show of %s asks for no more rotations than it takes', async (_what, of, asked) => {
    server.respond = (request, response) => {
      const items = request.url.includes('state=running') ? [] : [running]
      if (request.url.startsWith(rotations))
        answer(200, { items, ...(items.length > 0 && { next: 'more' }) })(request, response)
      else if (request.url.includes('/rotation-policy')) answer(200, policy)(request, response)
      else answer(200, request.url.includes('/connections/') ? { items: [key] } : key)(request, response)
    }
    const { code, out } = await latchkey(['keys', 'show', ...of])
    expect([code, out]).toEqual([0, expect.stringContaining(running.id)])
    expect(server.seen.map(({ url: one }) => one).filter((one) => one.startsWith(rotations))).toEqual(asked)
  })

  test('show of a key tells its own policy too, in the words in which it is set', async () => {
    const own = {
      authentication: { method: 'mtls', certificates: ['ab12'] },
      allowlist: ['10.0.0.0/8', '2001:db8::/32'],
      scopes: ['read', 'users'],
      expiresAt: '2126-01-31T00:00:00.000Z',
      rate: { perSecond: 50, burst: 100 },
    }
    server.respond = (request, response) => {
      if (request.url.includes('/rotations')) answer(200, { items: [] })(request, response)
      else answer(200, request.url.includes('/rotation-policy') ? policy : { ...key, policy: own })(request, response)
    }
    const { out } = await latchkey(['keys', 'show', key.kid])
    expect(out).toMatch(/^method +mtls ab12$/m)
    expect(out).toMatch(/^expires +in \d+ days, at 2126-01-31T00:00:00.000Z$/m)
    expect(out).toMatch(/^allow +10\.0\.0\.0\/8, 2001:db8::\/32$/m)
    expect(out).toMatch(/^scopes +read, users$/m)
    expect(out).toMatch(/^rate +50\/100$/m)
    expect(out).toContain('\nRotation policy\nmode ')
    expect(out).not.toMatch(/^key /m)
  })

  test('show of a key that may be shown again shows it', async () => {
    const { text } = mintKey('sandbox')
    server.respond = (request, response) => {
      const body = request.url.includes('/rotation-policy') ? policy : { ...key, key: text }
      answer(200, request.url.includes('/rotations') ? { items: [] } : body)(request, response)
    }
    const { out } = await latchkey(['keys', 'show', key.kid])
    expect(out).toMatch(new RegExp(`^key +${text}$`, 'm'))
  })

  test.each([
    ['keys', 'finish', '--connection', connection.id],
    ['keys', 'cancel', '--connection', connection.id],
    ['keys', 'cancel', key.kid],
  ])('what is waited for is told where no answer comes at once: %s %s', async (...args) => {
    let err = ''
    const told = Promise.withResolvers<void>()
    server.respond = async (request, response) => {
      if (request.method === 'GET') return answer(200, { items: [running] })(request, response)
      // Until then nothing is told.
      expect(err).toBe('')
      await told.promise
      return answer(200, args.length === 3 ? key : running)(request, response)
    }
    const heard = (text: string): void => {
      err += text
      told.resolve()
    }
    const { env, folder } = server
    expect(await run(args, { env, folder, out: () => undefined, err: heard })).toBe(0)
    expect(err).toMatch(/^latchkey: It is waited until .* which keys were used .*\n$/)
  })

  test('finish and cancel find the rotation that runs, and say so where none does', async () => {
    server.respond = (request, response) =>
      answer(200, request.method === 'GET' ? { items: [running] } : running)(request, response)
    await latchkey(['keys', 'finish', '--connection', connection.id, '--force'])
    expect(server.seen.map((one) => one.url)).toEqual([
      `${rotations}?state=running&limit=1`,
      `/admin/v1/rotations/${running.id}/finish`,
    ])
    server.respond = answer(200, { items: [] })
    const none = await latchkey(['keys', 'cancel', '--connection', connection.id])
    expect(none).toMatchObject({ code: 1, err: expect.stringContaining('No rotation of this connection is running') })
  })
})

describe('keys rotate and reveal, for a key that signs by hmac-sha256,', () => {
  const { kid, text } = mintKey('sandbox')
  const secret = randomBytes(32).toString('base64url')
  const of = {
    connection: 'c1',
    policy: { authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
  }
  const rotation = {
    ...running,
    ...of,
    mode: 'safe',
    hardEnd: null,
    newKey: { kid, firstUsed: null, lastUsed: null },
  }
  const known = {
    ...of,
    kid,
    environment: 'sandbox',
    state: 'pending',
    scimBaseUrl: 'http://x/scim/v2/c1',
    createdAt: '2026-03-01T10:00:00.000Z',
    endedAt: null,
    lastUsed: null,
  }
  const commands = {
    rotate: { args: ['keys', 'rotate', '--connection', 'c1'], body: { ...rotation, keyShown: 'once' } },
    reveal: { args: ['keys', 'reveal', kid], body: known },
  }
  function asked(args: string[], ...bodies: object[]) {
    server.respond = (request, response) => answer(200, bodies.shift() ?? {})(request, response)
    return latchkey(args)
  }

  test.each(Object.entries(commands))(
    '%s shows the signing secret, and saves it where it is told to',
    async (name, { args, body }) => {
      const shown = await asked(args, { ...body, key: text, signingSecret: secret })
      expect(shown).toMatchObject({ code: 0, err: '' })
      expect(shown.out).toMatch(new RegExp(`^key +${text}$`, 'm'))
      expect(shown.out).toMatch(new RegExp(`^signing secret +${secret}$`, 'm'))
      const saved = `${name}d.json`
      expect((await asked([...args, '--save', saved], { ...body, key: text, signingSecret: secret })).code).toBe(0)
      expect(statSync(join(server.folder, saved)).mode & 0o777).toBe(0o600)
      expect(JSON.parse(readFileSync(join(server.folder, saved), 'utf8'))).toEqual({
        key: text,
        algorithm: 'hmac-sha256',
        secret,
      })
    },
  )

  test.each(Object.entries(commands))(
    '%s tells of a signing secret that was lost with its answer',
    async (_name, { args, body }) => {
      const lost = await asked(args, { ...body, key: text, keyShown: 'again' }, known)
      expect(lost).toMatchObject({ code: 1, out: '', err: expect.stringContaining('its signing secret was lost') })
      expect(lost.err).toContain('--force')
    },
  )

  test('rotate with a token that may not see keys tells who reveals the new one, and leaves no file', async () => {
    const { args, body } = commands.rotate
    const withheld = await asked([...args, '--save', 'withheld.json'], { ...body, revealable: true })
    expect(withheld).toMatchObject({ code: 0, err: '' })
    expect(withheld.out).toContain(`latchkey keys reveal ${kid}`)
    expect(() => statSync(join(server.folder, 'withheld.json'))).toThrow('ENOENT')
  })

  test.each(Object.entries(commands))(
    '%s shows a key that has nothing to be saved, says so and leaves no file',
    async (_name, { args, body }) => {
      const bearer = { policy: { authentication: { method: 'bearer' } } }
      const shown = await asked([...args, '--save', 'bearer.json'], { ...body, ...bearer, key: text })
      expect(shown).toMatchObject({
        code: 1,
        out: expect.stringContaining(text),
        err: expect.stringContaining('was not saved'),
      })
      expect(() => statSync(join(server.folder, 'bearer.json'))).toThrow('ENOENT')
    },
  )

  test('a key is shown also where its file can be neither kept nor removed, which is told', async () => {
    const { args, body } = commands.rotate
    const path = join(server.folder, 'stays.json')
    const bearer = { policy: { authentication: { method: 'bearer' } } }
    server.respond = (request, response) => {
      // A folder in its place is not removed as a file is.
      rmSync(path)
      mkdirSync(path)
      answer(201, { ...body, ...bearer, key: text })(request, response)
    }
    const shown = await latchkey([...args, '--save', 'stays.json'])
    expect(shown).toMatchObject({
      code: 1,
      out: expect.stringContaining(text),
      err: expect.stringContaining('remove it'),
    })
  })
})
