import { allOf, type Answer, eventually, group, patch, startWorld, user, type OwnWorld } from '../world.ts'

let world: OwnWorld
beforeAll(async () => {
  world = await startWorld({ LATCHKEY_DECISION_QUEUE: '20' })
})
afterAll(() => world.stop())

test('while records cannot be written, reads and refusals are answered 503 rather than left unrecorded', async () => {
  const connection = await world.connection('okta')
  const scim = world.scim(connection)
  const { body: someone } = await scim('POST', '/Users', user('someone'))
  const session = await world.session()
  await session.query(`BEGIN; LOCK TABLE ${world.appendsTo} IN EXCLUSIVE MODE`)
  const marked = { 'user-agent': 'while the log is locked' }
  const answers: Answer[] = []
  const refused = async (): Promise<Answer> => {
    const read = await scim('GET', `/Users/${someone.id}`, undefined, marked)
    const unknown = await scim('GET', '/Users/none', undefined, marked)
    const answer = await world.scim({ ...connection, key: 'wrong' })('GET', '/Users', undefined, marked)
    answers.push(read, unknown, answer)
    return answer
  }
  const last = await eventually(refused, ({ status }) => status === 503)
  expect(last.body).toMatchObject({ schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '503' })
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0)
  expect((await scim('GET', '/Users', undefined, marked)).status).toBe(503)
  const write = scim('POST', '/Users', user('waits'))
  await session.query('COMMIT')
  await session.end()
  expect((await write).status).toBe(201)

  await eventually(
    () => scim('GET', '/Users'),
    ({ status }) => status === 200,
  )
  const answered = answers.filter(({ status }) => status !== 503)
  expect(answered.length).toBeGreaterThan(0)
  expect(answered.length).toBeLessThanOrEqual(20)
  const statuses = answered.map(({ status }) => status).sort()
  const recorded = async (): Promise<number[]> =>
    (await world.audit({ surface: 'scim' }))
      .filter(({ userAgent }) => userAgent === marked['user-agent'])
      .map(({ status }) => status)
      .sort()
  expect(await eventually(recorded, (found) => found.length >= answered.length)).toEqual(statuses)
})

test('connections to the database that break lose nothing that was answered, and no request is left without an answer', async () => {
  const connection = await world.connection('entra')
  const scim = world.scim(connection)
  const { body: everyone } = await scim('POST', '/Groups', group('everyone'))
  const session = await world.session()
  const cut = `
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name <> 'journeys' AND pid <> pg_backend_pid()`
  let cuts = 0
  let done = false
  const cutting = (async () => {
    for (let times = 0; times < 8 && !done; times++) {
      cuts += (await session.query(cut)).rowCount ?? 0
      await new Promise((resolve) => setTimeout(resolve, 40))
    }
  })()
  const outcomes = await allOf(
    Array.from({ length: 200 }),
    async (_, index) => {
      const made = await scim('POST', '/Users', user(`cut.${index}`))
      if (made.status !== 201) return { made, joined: undefined }
      const joined = await scim(
        'PATCH',
        `/Groups/${everyone.id}`,
        patch({ op: 'add', path: 'members', value: [{ value: made.body.id }] }),
      )
      return { made, joined }
    },
    16,
  )
  done = true
  await cutting
  await session.end()
  const answers = outcomes.flatMap(({ made, joined }) => (joined === undefined ? [made] : [made, joined]))
  expect(cuts).toBeGreaterThan(0)
  // 204 where it was written, and could not be read again to be shown.
  expect(answers.filter(({ status }) => ![201, 200, 204, 503].includes(status))).toEqual([])
  for (const { status, headers } of answers)
    if (status === 503) expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)

  const { body } = await eventually(
    () => scim('GET', `/Groups/${everyone.id}`),
    ({ status }) => status === 200,
  )
  const members: string[] = (body.members ?? []).map(({ value }: { value: string }) => value)
  for (const { made, joined } of outcomes)
    if (joined !== undefined && joined.status !== 503) expect(members).toContain(made.body.id)
  const records = (
    await world.query('SELECT id FROM gateway.scim_user WHERE connection = $1 ORDER BY id', [connection.id])
  ).map(({ id }) => id)
  const answered = outcomes.flatMap(({ made }) => (made.status === 201 ? [made.body.id] : []))
  expect(records).toEqual(expect.arrayContaining(answered))
  const events = await world.events(connection.id)
  expect(
    events
      .filter(({ name }) => name === 'user.provisioned')
      .map(({ subject }) => subject)
      .sort(),
  ).toEqual(records)
  expect(events.filter(({ subject }) => subject === everyone.id).map(({ version }) => version)).toEqual(
    Array.from({ length: members.length + 1 }, (_, index) => index + 1),
  )
  const people = async (): Promise<string[]> => {
    const found: string[] = []
    for (let after = ''; ;) {
      const page = (await world.directory(`/${connection.id}/users?limit=200${after}`)).body
      found.push(...(page.items ?? []).map(({ id }: { id: string }) => id))
      if (page.next === undefined) return found
      after = `&after=${page.next}`
    }
  }
  expect(await eventually(people, (found) => found.length >= records.length)).toEqual(records)
  const created = async (): Promise<string[]> =>
    (await world.audit({ connection: connection.id, operation: 'users.create', outcome: 'accepted' }))
      .map(({ subject }) => subject.id)
      .sort()
  expect(await eventually(created, (found) => found.length >= records.length)).toEqual(records)
})

test('the deletion of a connection takes its time, and keeps no other connection waiting', async () => {
  const [doomed, other] = [await world.connection('okta'), await world.connection('entra')]
  const session = await world.session()
  const lock = `hashtextextended('latchkey connection ' || $1, 0)`
  await session.query(`SELECT pg_advisory_lock_shared(${lock})`, [doomed.id])
  expect((await world.admin('DELETE', `/connections/${doomed.id}`)).status).toBe(204)
  const patient = `
    SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'
    AND now() - query_start > interval '6 seconds'`
  while ((await world.query(patient)).length === 0) await new Promise((resolve) => setTimeout(resolve, 50))

  const answers = await Promise.all(
    [doomed, other, doomed, other].map((connection, index) =>
      world.scim(connection)('POST', '/Users', user(`late.${index}`)),
    ),
  )
  await session.end()
  // The keys may be known to be revoked before the connection is known to be deleted.
  const told = answers.map(({ status }) => (status === 401 ? 403 : status))
  expect(told).toEqual([403, 201, 403, 201])
  await eventually(
    () => world.query('SELECT FROM gateway.deleted_connection WHERE connection = $1', [doomed.id]),
    (found) => found.length === 1,
  )
})
