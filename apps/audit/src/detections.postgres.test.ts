import { z } from 'zod'
import { newId } from '#libs/events/index'
import {
  connectionIs,
  day,
  detection,
  detectionsService,
  type Facts,
  hour,
  minute,
  named,
  page,
  refused,
  spread,
  unproved,
} from '#test/detections-service'
import { forgetOld } from './store/forget.ts'

const { audit, found, given, keeping, metrics, number, rulesFound, tell, toldOf, written } = detectionsService()

describe('what a person does', () => {
  const wrong = (count = 5): Promise<void> =>
    tell(...spread(refused(401, 'key-wrong-secret', unproved), count, minute, 0))
  const one = async () => {
    const [own, ...others] = await found()
    expect(others).toEqual([])
    if (own === undefined) throw new Error('nothing was raised')
    return own
  }
  const act = async (id: string, act: string, body?: object) => {
    const { status, body: answer } = await audit().ask('POST', `/admin/v1/detections/${id}/${act}`, body)
    expect(status).toBe(200)
    return detection.parse(answer)
  }

  it('an open one counts on and is not raised again', async () => {
    await wrong()
    await wrong(3)
    expect(await one()).toMatchObject({ state: 'open', count: 8, raised: 1 })
  })

  it('an acknowledged one is raised anew after a day without it, with a count of its own', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'acknowledge')).toMatchObject({ state: 'acknowledged' })
    await wrong(2)
    expect(await one()).toMatchObject({ id, state: 'acknowledged', count: 7, raised: 1 })
    await audit().database.query(
      `UPDATE audit.detection SET last_seen = last_seen - interval '25 hours' WHERE id = $1`,
      [id],
    )
    await wrong(5)
    expect(await one()).toMatchObject({ id, state: 'open', raised: 2 })
    expect(await toldOf(id)).toEqual([
      [1, 'detection.raised'],
      [2, 'detection.acknowledged'],
      [3, 'detection.raised'],
    ])
  })

  it('a muted one counts on in silence, for its time', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'mute', { for: '8h' })).toMatchObject({ state: 'muted' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'muted', count: 10, raised: 1 })
    given.late = 8 * hour
    expect(await one()).toMatchObject({ state: 'open' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'open', raised: 2 })
  })

  it('one that was acknowledged is so still when its mute is over, and one that is muted stays muted when it is acknowledged', async () => {
    await wrong()
    const { id } = await one()
    await act(id, 'acknowledge')
    await act(id, 'mute', { for: '8h' })
    given.late = 8 * hour
    expect(await one()).toMatchObject({ state: 'acknowledged' })
    expect(await found({ tenant: given.who.tenant, state: 'open' })).toEqual([])
    await wrong()
    expect(await one()).toMatchObject({ state: 'acknowledged', raised: 1 })
    expect(await act(id, 'mute')).toMatchObject({ state: 'muted' })
    expect(await act(id, 'acknowledge')).toMatchObject({ state: 'muted', mutedUntil: null })
  })

  it('one that is muted for good is so until it is unmuted', async () => {
    await wrong()
    const { id } = await one()
    expect(await act(id, 'mute')).toMatchObject({ state: 'muted', mutedUntil: null })
    given.late = 1000 * day
    expect(await one()).toMatchObject({ state: 'muted' })
    given.late = 0
    expect(await act(id, 'unmute')).toMatchObject({ state: 'open' })
    await wrong()
    expect(await one()).toMatchObject({ state: 'open', raised: 2 })
  })

  it('is told once: what is so already is left alone, and answered alike', async () => {
    await wrong()
    const { id } = await one()
    const twice = async (name: string, body?: object) => {
      const first = await act(id, name, body)
      expect(await act(id, name, body)).toEqual(first)
    }
    await twice('unmute')
    await twice('acknowledge')
    await twice('mute')
    await twice('unmute')
    await act(id, 'mute', { for: '1h' })
    await twice('acknowledge')
    expect((await toldOf(id)).map(([, name]) => name)).toEqual([
      'detection.raised',
      'detection.acknowledged',
      'detection.muted',
      'detection.unmuted',
      'detection.muted',
    ])
  })

  it('is recorded with the detection, once', async () => {
    await wrong()
    const { id } = await one()
    await act(id, 'mute', { for: '1h' })
    await audit().ask('POST', `/admin/v1/detections/${newId()}/acknowledge`)
    await audit().ask('GET', `/admin/v1/detections/${id}`)
    await audit().tell()
    const read = async () =>
      z
        .object({ items: z.array(z.looseObject({ operation: z.string(), outcome: z.string(), subject: z.unknown() })) })
        .parse((await audit().ask('GET', `/audit/v1/records?surface=admin&tenant=${given.who.tenant}`)).body)
        .items.map(({ operation, outcome, subject }) => ({ operation, outcome, subject }))
    const subject = { kind: 'detection', id }
    const expected = [
      { operation: 'detections.read', outcome: 'accepted', subject },
      { operation: 'detections.mute', outcome: 'accepted', subject },
    ]
    for (let tries = 0; tries < 100 && (await read()).length < expected.length; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await read()).toEqual(expected)
  })

  it('what cannot be is a problem that says why', async () => {
    expect((await audit().ask('GET', '/admin/v1/detections/none')).status).toBe(404)
    expect((await audit().ask('GET', '/admin/v1/detections?rule=none')).status).toBe(422)
    expect((await audit().ask('GET', '/admin/v1/detections?environment=both')).status).toBe(422)
    await wrong()
    const { id } = await one()
    expect((await audit().ask('POST', `/admin/v1/detections/${id}/mute`, { for: 'long' })).status).toBe(422)
  })
})

test('the list is filtered, and its pages lose and repeat nothing', async () => {
  for (const connection of ['a', 'b', 'c']) {
    given.who = {
      ...given.who,
      connection: `${given.who.tenant}-${connection}`,
      kid: `${given.who.tenant}-${connection}`,
    }
    await tell(refused(401, 'key-revoked'), refused(401, 'signature-replayed'))
  }
  const { tenant } = given.who
  const seen: string[] = []
  let after = ''
  do {
    const { body } = await audit().ask('GET', `/admin/v1/detections?tenant=${tenant}&limit=4${after}`)
    const { items, next } = page.parse(body)
    seen.push(...items.map(({ id }) => id))
    after = next === undefined ? '' : `&after=${next}`
  } while (after !== '')
  expect(new Set(seen).size).toBe(6)
  expect(seen).toHaveLength(6)
  expect(await found({ tenant, rule: 'replayed-nonce' })).toHaveLength(3)
  expect(await found({ tenant, connection: `${tenant}-a` })).toHaveLength(2)
  expect(await found({ tenant, state: 'muted' })).toEqual([])
  expect(await found({ tenant, state: 'open' })).toHaveLength(6)
})

test.each([
  ['2026-11-29T19:30:30.042Z', 'x'],
  ['2026-11-29T19:30:30.042Z', ''],
  ['2026-11-29T19:30:30.042Z', '\ud800'],
  ['0000-11-29T19:30:30.042Z', 'a12ac26b-4d5e-4f5d-8d7e-1d2c3b4a5f60'],
  [`2026-11-29T19:30:30.${'0'.repeat(200)}Z`, 'a12ac26b-4d5e-4f5d-8d7e-1d2c3b4a5f60'],
])('a place that no page of the list has told is refused: %j, %j', async (...place) => {
  const after = Buffer.from(JSON.stringify(place)).toString('base64url')
  const { status, body } = await audit().ask('GET', `/admin/v1/detections?after=${after}`)
  expect([status, body]).toMatchObject([422, { errors: [{ pointer: '#/after' }] }])
})

test('no person and no client is named in what is raised, stored or measured', async () => {
  await tell(...spread(refused(401, 'key-wrong-secret', unproved), 5, minute))
  const { rows, text } = await written()
  expect(rows).toBeGreaterThan(10)
  expect(text).not.toMatch(named)
  const measured = await metrics()
  expect(measured).toMatch(/latchkey_detections_total\{[^}]*rule="wrong-secret"[^}]*\} [1-9]/)
  expect(measured).toMatch(/latchkey_detections_open\{[^}]*rule="silence"[^}]*\} \d/)
  const own = measured.split('\n').filter((line) => line.startsWith('latchkey_detections'))
  expect(own.join('\n')).not.toMatch(/tenant-\d|connection-\d|kid-\d|10\.\d|192\.0/)
})

const forgetAt = (days: number): Promise<void> =>
  forgetOld(audit().database, { ...keeping, clock: () => new Date(Date.now() + days * day) })

test('what is long past is forgotten: addresses after a day, the rest with the trail, but not what is muted for good', async () => {
  const nobody = { tenant: null, connection: null, kid: null, address: `172.16.0.${number() % 250}` }
  await tell(refused(401, 'key-unknown', nobody), refused(401, 'signature-replayed'), refused(401, 'key-revoked'))
  const [muted] = await found({ tenant: given.who.tenant, rule: 'ended-key-used' })
  await audit().ask('POST', `/admin/v1/detections/${muted?.id}/mute`)
  const left = async () => {
    const watched = await audit().database.query<{ kind: string }>(
      'SELECT kind FROM audit.watched WHERE id = ANY($1) ORDER BY kind',
      [[nobody.address, given.who.kid, given.who.connection]],
    )
    return [...watched.map(({ kind }) => kind), ...(await rulesFound())]
  }
  await forgetAt(0.9)
  expect(await left()).toEqual(['address', 'connection', 'key', 'ended-key-used', 'replayed-nonce'])
  await forgetAt(1.1)
  expect(await left()).toEqual(['connection', 'key', 'ended-key-used', 'replayed-nonce'])
  await forgetAt(401)
  expect(await left()).toEqual(['ended-key-used'])
})

test('one that is muted for longer than the trail is kept is not raised anew meanwhile', async () => {
  await tell(refused(401, 'key-revoked'))
  const [muted] = await found({ tenant: given.who.tenant })
  await audit().ask('POST', `/admin/v1/detections/${muted?.id}/mute`, { for: '800d' })
  await forgetAt(799)
  expect(await rulesFound()).toEqual(['ended-key-used'])
  await forgetAt(801)
  expect(await rulesFound()).toEqual([])
})

describe('a connection that nobody used for longer than the trail is kept', () => {
  it('is known still, with its owner and environment: a key that belongs elsewhere is told of', async () => {
    const { who } = given
    const used: Facts = { environment: 'sandbox' }
    await audit().tell(connectionIs(who.connection, 'sandbox', 'enabled', who.tenant))
    await tell(used)
    await forgetAt(401)
    await tell(used)
    const foreign = { tenant: `foreign-${number()}`, connection: 'elsewhere', kid: `foreign-kid-${number()}` }
    const path = `/scim/v2/${who.connection}/Users`
    await tell({ ...foreign, ...refused(403, 'key-of-another-connection', { path }) })
    expect(await rulesFound()).toEqual(['foreign-key'])
    const told = await found({ tenant: foreign.tenant })
    expect(told.map(({ rule }) => rule).sort()).toEqual(['connection-mismatch', 'live-key-at-sandbox'])
  })

  it('is remembered for nothing but what the keys service told of it, so that one that is disabled may be silent', async () => {
    const { connection, tenant } = given.who
    await audit().tell(connectionIs(connection, 'live', 'disabled', tenant))
    await tell(refused(401, 'key-wrong-secret', unproved), {})
    await forgetAt(401)
    await forgetAt(402)
    const rows = await audit().database.query<{ tenant: string; state: string; silent_from: Date | null }>(
      `SELECT tenant, state, silent_from FROM audit.watched WHERE kind = 'connection' AND id = $1`,
      [connection],
    )
    expect(rows.map(({ state, ...others }) => ({ ...others, state: JSON.parse(state) }))).toEqual([
      { tenant, state: { connection: { environment: 'live', enabled: false } }, silent_from: null },
    ])
  })
})
