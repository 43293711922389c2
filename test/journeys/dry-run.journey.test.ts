import { eventually, group, patch, enterWorld, user } from '../world.ts'
import type { Connection, Scim, Told, World } from '../world.ts'

let world: World
let connection: Connection
let scim: Scim
const dry = { 'Latchkey-Dry-Run': 'true' }
const block = 'urn:latchkey:params:scim:api:messages:2.0:DryRun'

beforeAll(async () => {
  world = await enterWorld()
  connection = await world.connection('other', { environment: 'sandbox' })
  scim = world.scim(connection)
})
afterAll(() => world.stop())

async function made(path: string, body: object): Promise<Told> {
  const answer = await scim('POST', path, body)
  expect(answer).toMatchObject({ status: 201 })
  return answer.body
}

describe('a dry run', () => {
  test('of a create tells what would be made and published, and leaves nothing but its record', async () => {
    const answer = await scim('POST', '/Users', user('rehearsed', { title: 'Dr', active: 'True' }), dry)
    expect(answer).toMatchObject({
      status: 201,
      body: {
        userName: 'rehearsed',
        [block]: {
          changes: expect.arrayContaining([{ id: answer.body.id, attribute: 'title', before: null, after: 'Dr' }]),
          events: [
            { name: 'user.provisioned', subject: answer.body.id, payload: { person: { userName: 'rehearsed' } } },
          ],
        },
      },
    })
    expect(answer.headers.get('latchkey-dry-run')).toBe('true')
    expect(await scim('GET', `/Users/${answer.body.id}`)).toMatchObject({ status: 404 })
    expect(await made('/Users', user('rehearsed'))).not.toHaveProperty([block])
    const [second, first] = (await eventually(
      () => world.audit({ connection: connection.id, operation: 'users.create' }),
      (records) => records.length === 2,
    )) as Told[]
    expect(first).toMatchObject({
      dryRun: { changed: expect.arrayContaining(['userName']), events: ['user.provisioned'] },
      outcome: 'accepted',
      events: [],
      changed: expect.arrayContaining(['title']),
    })
    expect(first.deviations).toMatchObject([{ code: 'boolean-as-string' }])
    expect(second).not.toHaveProperty('dryRun')
    expect((await world.events(connection.id)).filter(({ subject }) => subject === answer.body.id)).toEqual([])
  })

  test('of a PATCH shows each attribute before and after, members too', async () => {
    const [ada, team] = [
      await made('/Users', user('dry.ada', { title: 'Ms' })),
      await made('/Groups', group('dry team')),
    ]
    const answer = await scim(
      'PATCH',
      `/Users/${ada.id}`,
      patch({ op: 'replace', path: 'title', value: 'Countess' }),
      dry,
    )
    expect(answer.body).toMatchObject({
      title: 'Countess',
      [block]: {
        changes: [{ attribute: 'title', before: 'Ms', after: 'Countess' }],
        events: [{ name: 'user.changed' }],
      },
    })
    const joined = await scim(
      'PATCH',
      `/Groups/${team.id}`,
      patch({ op: 'add', path: 'members', value: [{ value: ada.id }] }),
      dry,
    )
    expect(joined.body).toMatchObject({
      members: [{ value: ada.id, type: 'User' }],
      [block]: { changes: [{ attribute: 'members', added: [ada.id], removed: [] }] },
    })
    expect((await scim('GET', `/Users/${ada.id}`)).body).toEqual(ada)
    expect((await scim('GET', `/Groups/${team.id}`)).body).toEqual(team)
  })

  test('of what is refused is refused alike: a taken name, a stale version, an unknown id', async () => {
    const taken = await made('/Users', user('dry.taken'))
    expect(await scim('POST', '/Users', user('Dry.Taken'), dry)).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    })
    const stale = { ...dry, 'If-Match': 'W/"99"' }
    expect(await scim('PUT', `/Users/${taken.id}`, user('dry.taken', { title: 'x' }), stale)).toMatchObject({
      status: 412,
    })
    const gone = await scim('DELETE', '/Users/6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a', undefined, dry)
    expect(gone).toMatchObject({ status: 404 })
    expect(gone.headers.get('latchkey-dry-run')).toBe('true')
  })

  test('of a DELETE tells in a body what would go, groups that would be left included', async () => {
    const member = await made('/Users', user('dry.leaver'))
    const team = await made('/Groups', group('dry leavers', [member.id]))
    const answer = await scim('DELETE', `/Users/${member.id}`, undefined, dry)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        schemas: [block],
        status: '204',
        [block]: {
          changes: expect.arrayContaining([
            { id: member.id, attribute: 'userName', before: 'dry.leaver', after: null },
            { id: team.id, attribute: 'members', added: [], removed: [member.id] },
          ]),
        },
      },
    })
    expect((await scim('GET', `/Groups/${team.id}`)).body.members).toMatchObject([{ value: member.id }])
  })

  test('is every write of a connection in that mode, answered as an identity provider expects it', async () => {
    const quiet = await world.connection('okta')
    const ask = world.scim(quiet)
    const { body: kept } = await ask('POST', '/Users', user('dry.kept'))
    expect(await world.admin('PATCH', `/connections/${quiet.id}`, { settings: { mode: 'dry-run' } })).toMatchObject({
      status: 200,
    })
    await eventually(
      () => ask('DELETE', `/Users/${kept.id}`, undefined, { 'If-Match': 'W/"0"' }),
      ({ headers }) => headers.get('latchkey-dry-run') === 'true',
    )
    const gone = await ask('DELETE', `/Users/${kept.id}`)
    expect(gone).toMatchObject({ status: 204, body: undefined })
    // The identity provider is not told, so whoever operates it is.
    const [record] = await eventually(
      () => world.audit({ connection: quiet.id, operation: 'users.delete', outcome: 'accepted' }),
      (records) => records.length === 1,
    )
    expect(record.dryRun).toEqual({ changed: expect.arrayContaining(['userName']), events: ['user.deprovisioned'] })
    expect(await ask('POST', '/Users', user('dry.other'))).toMatchObject({
      status: 201,
      body: { userName: 'dry.other' },
    })
    expect((await ask('GET', '/Users')).body).toMatchObject({ totalResults: 1, Resources: [{ id: kept.id }] })
    expect((await world.events(quiet.id)).map(({ name }) => name).filter((name) => name.startsWith('user.'))).toEqual([
      'user.provisioned',
    ])
  })

  test('asked for in a word that is neither true nor false is refused, and nothing is written', async () => {
    expect(await scim('POST', '/Users', user('dry.misspelled'), { 'Latchkey-Dry-Run': 'yes' })).toMatchObject({
      status: 400,
    })
    expect((await scim('GET', '/Users?filter=userName eq "dry.misspelled"')).body.totalResults).toBe(0)
    expect(await scim('POST', '/Users', user('dry.not'), { 'Latchkey-Dry-Run': 'false' })).toMatchObject({
      status: 201,
    })
  })
})

describe('a captured request', () => {
  test('is sent again by its id: as odd as it was, with other names, recorded as what it is', async () => {
    await scim('PUT', '/Users/ada@example.com', user('ada@example.com', { active: 'True', favourite: 'Ada' }))
    const { id } = await eventually(
      async () => (await world.audit({ connection: connection.id, operation: 'users.replace' }))[0],
      (record) => record?.status === 404,
    )
    const replayed = await eventually(
      () => world.gatewayAdmin('POST', `/requests/${id}/replay`),
      ({ status }) => status === 200,
    )
    expect(replayed.body).toMatchObject({
      replayOf: id,
      request: {
        method: 'PUT',
        path: expect.stringMatching(/^\/Users\/[a-z]{3}@[a-z]{7}\.[a-z]{3}$/),
        body: { active: 'True' },
      },
      response: { status: 404, body: { status: '404' } },
    })
    const { requestId: _id, replayOf: _of, ...told } = replayed.body
    expect(JSON.stringify(told)).not.toMatch(/ada/i)
    const record = await eventually(
      async () => (await world.audit({ connection: connection.id, operation: 'users.replace' }))[0],
      (one) => one?.id === replayed.body.requestId,
    )
    expect(record).toMatchObject({ replayOf: id, kid: null, outcome: 'refused' })
    const act = await eventually(
      async () => (await world.audit({ surface: 'admin', operation: 'requests.replay' }))[0],
      (one) => one?.outcome === 'accepted',
    )
    expect(act).toMatchObject({ subject: { kind: 'request', id }, tenant: connection.tenant })
  })

  test('really writes, unless it is sent again as a dry run', async () => {
    const kept = world.scim(connection)
    await kept('POST', '/Users', user('twin@example.com'))
    const { id } = (
      await eventually(
        () => world.audit({ connection: connection.id, operation: 'users.create' }),
        (records) => records[0]?.outcome === 'accepted',
      )
    )[0] as Told
    const dryly = await eventually(
      () => world.gatewayAdmin('POST', `/requests/${id}/replay`, { dryRun: true }),
      ({ status }) => status === 200,
    )
    expect(dryly.body.response).toMatchObject({
      status: 201,
      body: { [block]: { events: [{ name: 'user.provisioned' }] } },
    })
    const first = await world.gatewayAdmin('POST', `/requests/${id}/replay`)
    expect(first.body.response).toMatchObject({ status: 201 })
    const second = await world.gatewayAdmin('POST', `/requests/${id}/replay`)
    expect(second.body.response).toMatchObject({ status: 409, body: { scimType: 'uniqueness' } })
    const { userName } = first.body.response.body
    expect((await scim('GET', `/Users?filter=userName eq "${userName}"`)).body.totalResults).toBe(1)
  })

  test('of a live connection, or of nobody, is not there', async () => {
    const live = await world.connection('other', { environment: 'live' })
    await world.scim(live)('POST', '/Users', user('live.one'))
    const { id } = (
      await eventually(
        () => world.audit({ connection: live.id, operation: 'users.create' }),
        (records) => records.length === 1,
      )
    )[0] as Told
    expect(await world.gatewayAdmin('POST', `/requests/${id}/replay`)).toMatchObject({ status: 404 })
    expect(await world.gatewayAdmin('POST', '/requests/none/replay')).toMatchObject({ status: 404 })
    expect(await world.query('SELECT 1 FROM gateway.captured_request WHERE connection = $1', [live.id])).toEqual([])
  })
})
