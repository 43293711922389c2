import { type AnyEvent, makeEvent, type Person } from '#libs/events/index'
import { admitted, type FollowerService, startFollowerService } from '#test/follower-service'
import {
  DIRECTORY,
  directoryGroup,
  DirectoryModule,
  directoryOperations,
  directorySchema,
  migrateDirectory,
} from './index.ts'

let directory: FollowerService
let connection: string
let connections = 0

beforeAll(async () => {
  directory = await startFollowerService({
    module: (database) => DirectoryModule.with({ database, ...admitted(database, directorySchema) }),
    prepare: migrateDirectory,
    transportId: DIRECTORY,
    group: directoryGroup,
    schema: directorySchema,
    operations: directoryOperations,
  })
}, 60_000)
afterAll(() => directory.stop(), 60_000)
beforeEach(() => {
  connection = `connection-${++connections}`
})

const scope = () => ({ tenant: 'acme', connection, environment: 'sandbox' as const })
const origin = (subject: string, version: number) => ({
  source: 'gateway' as const,
  subject,
  owner: connection,
  version,
  time: new Date(),
})
const personOf = (id: string, facts: Partial<Person> = {}): Person => ({
  id,
  userName: `${id}@example.com`,
  active: true,
  emails: [],
  phoneNumbers: [],
  roles: [],
  ...facts,
})

const provisioned = (id: string, version = 1, facts: Partial<Person> = {}): AnyEvent =>
  makeEvent('user.provisioned', origin(id, version), { ...scope(), person: personOf(id, facts) })
const changed = (id: string, version: number, facts: Partial<Person>): AnyEvent =>
  makeEvent('user.changed', origin(id, version), {
    ...scope(),
    person: personOf(id, facts),
    changed: Object.keys(facts),
  })
const deprovisioned = (id: string, version: number): AnyEvent =>
  makeEvent('user.deprovisioned', origin(id, version), { ...scope(), personId: id })
const restored = (id: string, version: number): AnyEvent =>
  makeEvent('user.restored', origin(id, version), { ...scope(), person: personOf(id) })
const groupRestored = (id: string, version: number): AnyEvent =>
  makeEvent('group.restored', origin(id, version), { ...scope(), group: { id, displayName: `Group ${id}` } })
const created = (id: string): AnyEvent =>
  makeEvent('group.created', origin(id, 1), { ...scope(), group: { id, displayName: `Group ${id}` } })
const members = (id: string, version: number, added: string[], removed: string[] = []): AnyEvent =>
  makeEvent('group.members-changed', origin(id, version), {
    ...scope(),
    groupId: id,
    added: added.map((member) => ({ id: member })),
    removed,
  })
const groupDeleted = (id: string, version: number): AnyEvent =>
  makeEvent('group.deleted', origin(id, version), { ...scope(), groupId: id })

const get = (path: string) => directory.get(`/directory/v1/${connection}/${path}`)
const groupsOf = async (user: string): Promise<string[]> => {
  const { body } = await get(`users/${user}`)
  return body.groups.map(({ id, direct }: { id: string; direct: boolean }) => `${id}${direct ? ' direct' : ''}`)
}
const membersOf = async (group: string): Promise<string[]> => {
  const { body } = await get(`groups/${group}`)
  return body.members.items.map(({ id }: { id: string }) => id)
}

describe('people', () => {
  it('are shown as the newest event tells them, with their scope', async () => {
    await directory.tell(
      provisioned('ada'),
      changed('ada', 2, { displayName: 'Ada' }),
      changed('ada', 3, { title: 'Countess' }),
    )
    expect(await get('users/ada')).toEqual({
      status: 200,
      body: { ...personOf('ada', { title: 'Countess' }), ...scope(), version: 3, groups: [] },
    })
  })

  it('are not changed by an event of an older or the same version', async () => {
    await directory.tell(provisioned('ada'), changed('ada', 5, { title: 'five' }))
    await directory.tell(changed('ada', 4, { title: 'four' }), changed('ada', 5, { title: 'five again' }))
    expect((await get('users/ada')).body).toMatchObject({ title: 'five', version: 5 })
  })

  it('are gone once deprovisioned, from their groups too, and an older event does not bring them back', async () => {
    await directory.tell(
      provisioned('ada'),
      created('team'),
      members('team', 2, ['ada', 'bob']),
      deprovisioned('ada', 3),
    )
    expect((await get('users/ada')).status).toBe(404)
    expect(await membersOf('team')).toEqual(['bob'])
    await directory.tell(changed('ada', 2, { title: 'late' }), members('team', 3, ['ada']))
    expect((await get('users/ada')).status).toBe(404)
    expect(await membersOf('team')).toEqual(['bob'])
    const [row] = await directory.database.query(
      'SELECT user_name, facts FROM directory.person WHERE connection = $1',
      [connection],
    )
    expect(row).toEqual({ user_name: null, facts: null })
  })

  it('come back with their groups when they are restored, in whatever order their own and the groups’ events arrive', async () => {
    await directory.tell(provisioned('ada'), created('team'), members('team', 2, ['ada', 'bob']))
    const [gone, left] = [deprovisioned('ada', 2), members('team', 3, [], ['ada'])]
    const [back, joined] = [restored('ada', 3), members('team', 4, ['ada'])]
    for (const event of [left, joined, gone, back]) {
      await directory.tell(event)
      if (event === gone) expect(await membersOf('team')).toEqual(['bob'])
    }
    expect((await get('users/ada')).body).toMatchObject({ userName: 'ada@example.com', version: 3 })
    expect(await groupsOf('ada')).toEqual(['team direct'])
    expect(await membersOf('team')).toEqual(['ada', 'bob'])
  })

  it('are listed in pages by id, and found by their whole user name in any case', async () => {
    await directory.tell(...['a', 'b', 'c', 'd', 'e'].map((id) => provisioned(id)))
    const first = await get('users?limit=2')
    expect(first.body.items.map((item: Person) => item.id)).toEqual(['a', 'b'])
    const second = await get(`users?limit=3&after=${first.body.next}`)
    expect(second.body.items.map((item: Person) => item.id)).toEqual(['c', 'd', 'e'])
    expect(second.body.next).toBeUndefined()
    expect((await get('users?userName=C@EXAMPLE.com')).body.items.map((item: Person) => item.id)).toEqual(['c'])
    expect((await get('users?userName=c@example')).body.items).toEqual([])
  })
})

describe('groups', () => {
  it('show a person every group that holds them, directly or through others, and end at cycles', async () => {
    await directory.tell(
      provisioned('ada'),
      ...['inner', 'middle', 'outer', 'apart'].map(created),
      members('inner', 2, ['ada']),
      members('middle', 2, ['inner', 'outer']),
      members('outer', 2, ['middle', 'ada']),
      members('apart', 2, ['someone']),
    )
    expect(await groupsOf('ada')).toEqual(['inner direct', 'middle', 'outer direct'])
    const { body } = await get('groups/inner')
    expect(body.groups).toEqual([
      { id: 'middle', displayName: 'Group middle', direct: true },
      { id: 'outer', displayName: 'Group outer', direct: false },
    ])
    expect((await get('groups/middle')).body.groups).toEqual([
      { id: 'outer', displayName: 'Group outer', direct: true },
    ])
  })

  it('keep members nobody knows yet, and name them once they are known', async () => {
    await directory.tell(created('team'), members('team', 2, ['early']))
    expect((await get('groups/team')).body.members.items).toEqual([{ id: 'early', kind: null, displayName: null }])
    await directory.tell(provisioned('early', 1, { displayName: 'Early Bird' }))
    expect((await get('groups/team')).body.members.items).toEqual([
      { id: 'early', kind: 'user', displayName: 'Early Bird' },
    ])
    expect(await groupsOf('early')).toEqual(['team direct'])
  })

  it('apply additions and removals in order, whether told together or apart', async () => {
    await directory.tell(
      created('team'),
      members('team', 2, ['a', 'b']),
      members('team', 3, ['c'], ['a']),
      members('team', 4, ['a'], ['b']),
    )
    expect(await membersOf('team')).toEqual(['a', 'c'])
    await directory.tell(members('team', 4, ['repeated']), members('team', 5, [], ['c']))
    expect(await membersOf('team')).toEqual(['a'])
    expect((await get('groups/team')).body.version).toBe(5)
  })

  it('bury what follows a missing version, and are right again once all of it is replayed', async () => {
    const missing = members('team', 2, ['a'])
    await directory.tell(created('team'), members('team', 3, ['b']), provisioned('bystander'))
    expect((await get('users/bystander')).status).toBe(200)
    const letters = await directory.follower.deadLetters(10)
    expect(letters).toHaveLength(1)
    expect(letters[0]?.reason).toMatch(
      /^gap: group\.members-changed has version 3 of a group whose version 1 came last/,
    )
    await directory.tell(missing)
    expect(await directory.follower.replay()).toEqual({ applied: [letters[0]?.id], stillDead: [] })
    expect(await membersOf('team')).toEqual(['a', 'b'])
  })

  it('are in no group and hold no member once deleted', async () => {
    await directory.tell(
      provisioned('ada'),
      created('team'),
      created('whole'),
      members('team', 2, ['ada']),
      members('whole', 2, ['team']),
    )
    expect(await groupsOf('ada')).toEqual(['team direct', 'whole'])
    await directory.tell(groupDeleted('team', 3))
    expect((await get('groups/team')).status).toBe(404)
    expect(await groupsOf('ada')).toEqual([])
    expect(await membersOf('whole')).toEqual([])
    expect((await get('groups')).body.items.map((item: { id: string }) => item.id)).toEqual(['whole'])
  })

  it('come back with the members told after they were restored, and without those before', async () => {
    for (const apart of [true, false]) {
      const [team, whole] = [`team-${apart}`, `whole-${apart}`]
      await directory.tell(provisioned('ada'), created(whole), members(whole, 2, [team]))
      await directory.tell(created(team), members(team, 2, ['ada', 'purged']))
      const events = [groupDeleted(team, 3), groupRestored(team, 4), members(team, 5, ['ada'])]
      for (const told of apart ? events.map((event) => [event]) : [events]) await directory.tell(...told)
      expect((await get(`groups/${team}`)).body).toMatchObject({ displayName: `Group ${team}`, version: 5 })
      expect(await membersOf(team)).toEqual(['ada'])
      expect(await membersOf(whole)).toEqual([team])
    }
  })

  it('show their members in pages', async () => {
    const ids = Array.from({ length: 120 }, (_, number) => `member-${String(number).padStart(3, '0')}`)
    await directory.tell(created('large'), members('large', 2, ids))
    const seen: string[] = []
    let query = '?limit=50'
    for (let page = 0; page < 3; page++) {
      const { body } = await get(`groups/large${query}`)
      seen.push(...body.members.items.map(({ id }: { id: string }) => id))
      query = `?limit=50&after=${body.members.next}`
      expect(body.members.next === undefined).toBe(page === 2)
    }
    expect(seen).toEqual(ids)
  })
})

describe('connections', () => {
  it('do not see each other', async () => {
    await directory.tell(provisioned('ada'), created('team'), members('team', 2, ['ada']))
    const mine = connection
    connection = 'another'
    expect((await get('users/ada')).status).toBe(404)
    expect((await get('groups/team')).status).toBe(404)
    await directory.tell(
      provisioned('ada', 1, { title: 'other' }),
      created('elsewhere'),
      members('elsewhere', 2, ['ada']),
    )
    expect(await groupsOf('ada')).toEqual(['elsewhere direct'])
    connection = mine
    expect(await groupsOf('ada')).toEqual(['team direct'])
    expect((await get('users')).body.items).toHaveLength(1)
  })

  it('take everything with them when deleted, also what still arrives', async () => {
    await directory.tell(provisioned('ada'), created('team'), members('team', 2, ['ada']))
    const deletion = makeEvent(
      'connection.deleted',
      { source: 'keys', subject: connection, owner: 'acme', version: 2, time: new Date() },
      { tenant: 'acme', connection },
    )
    await directory.tell(provisioned('bob'), deletion)
    await directory.tell(provisioned('late'), members('team', 3, ['late']), created('new'))
    for (const table of ['person', 'user_group', 'membership']) {
      expect(
        await directory.database.query(`SELECT FROM directory.${table} WHERE connection = $1`, [connection]),
      ).toEqual([])
    }
    expect(
      (await directory.follower.deadLetters(100)).filter((letter) => letter.key.startsWith(`${connection}/`)),
    ).toEqual([])
  })
})

describe('answers', () => {
  it('need the admin token', async () => {
    expect((await directory.get(`/directory/v1/${connection}/users`, 'wrong')).status).toBe(401)
    expect((await directory.get(`/directory/v1/${connection}/groups/x`, 'wrong')).status).toBe(401)
  })

  it('tell of unknown ids and unknown parameters as problems', async () => {
    expect((await get('users/nobody')).body).toMatchObject({
      status: 404,
      code: 'notFound',
      detail: expect.stringContaining('"nobody"'),
    })
    expect((await get('groups/nothing')).body).toMatchObject({ status: 404, code: 'notFound' })
    const { status, body } = await get('users?username=ada')
    expect([status, body.code]).toEqual([400, 'badRequest'])
    expect(body.detail).toContain('"username". Known are limit, after, userName.')
  })
})
