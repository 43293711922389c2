import { enterpriseSchema, eventually, group, groupSchema, patch, user, userSchema, versionOf } from '../world.ts'
import { addMembers, idIn, members, named, post, run, statuses } from './bulk-requests.ts'
import { connection, create, expectContiguous, scim, shareOneConnection, world } from './one-connection.ts'

/** RFC 7644 sections 3.7.1 and 3.7.2: what refers to what the same request creates. */
shareOneConnection()

describe('the examples of RFC 7644', () => {
  test('3.7.1: two groups that contain each other are created, each with the other as its member', async () => {
    const circular = (name: string, bulkId: string, other: string) =>
      post(
        bulkId,
        { schemas: [groupSchema], displayName: name, members: [{ type: 'Group', value: `bulkId:${other}` }] },
        '/Groups',
      )
    const results = await run([circular('Group A', 'qwerty', 'ytrewq'), circular('Group B', 'ytrewq', 'qwerty')])
    expect(results).toMatchObject([
      { method: 'POST', bulkId: 'qwerty', status: '201' },
      { method: 'POST', bulkId: 'ytrewq', status: '201' },
    ])
    const [a, b] = results.map(idIn)
    const { body } = await scim('GET', '/Groups?filter=displayName sw "Group"')
    expect(body).toMatchObject({
      totalResults: 2,
      Resources: [
        { id: a, displayName: 'Group A', members: [{ value: b, type: 'Group', $ref: results[1].location }] },
        { id: b, displayName: 'Group B', members: [{ value: a, type: 'Group', $ref: results[0].location }] },
      ],
    })
    for (const [index, one] of body.Resources.entries()) {
      expect(one.meta.version).toBe(results[index].version)
      await expectContiguous(one)
    }
    await eventually(
      () => world.directory(`/${connection.id}/groups/${a}`),
      ({ body: known }) => known.members?.items?.[0]?.id === b,
    )
  })

  test('3.7.2: a group is created with the user that is created beside it', async () => {
    const results = await run([
      post('qwerty', { schemas: [userSchema], userName: 'Alice' }),
      post(
        'ytrewq',
        { schemas: [groupSchema], displayName: 'Tour Guides', members: [{ type: 'User', value: 'bulkId:qwerty' }] },
        '/Groups',
      ),
    ])
    const [alice, guides] = results.map(idIn)
    expect(results).toEqual([
      {
        method: 'POST',
        bulkId: 'qwerty',
        version: 'W/"1"',
        location: `${connection.scimBaseUrl}/Users/${alice}`,
        status: '201',
      },
      {
        method: 'POST',
        bulkId: 'ytrewq',
        version: 'W/"2"',
        location: `${connection.scimBaseUrl}/Groups/${guides}`,
        status: '201',
      },
    ])
    expect((await scim('GET', `/Groups/${guides}`)).body).toMatchObject({
      displayName: 'Tour Guides',
      meta: { version: 'W/"2"' },
      members: [{ value: alice, $ref: `${connection.scimBaseUrl}/Users/${alice}`, type: 'User' }],
    })
  })

  test('3.7.2: a manager is the user that is created beside', async () => {
    const results = await run([
      post('qwerty', { schemas: [userSchema], userName: 'Alice 2' }),
      post('ytrewq', {
        schemas: [userSchema, enterpriseSchema],
        userName: 'Bob',
        [enterpriseSchema]: { employeeNumber: '11250', manager: { value: 'bulkId:qwerty' } },
      }),
    ])
    const [alice, bob] = results.map(idIn)
    expect((await scim('GET', `/Users/${bob}`)).body[enterpriseSchema]).toMatchObject({
      employeeNumber: '11250',
      manager: { value: alice },
    })
  })
})

describe('references', () => {
  test('reach resources that are created further down, in paths, members, managers and filters', async () => {
    const present = await create('/Groups', group('present'))
    const results = await run([
      { method: 'PATCH', path: `/Groups/${present.id}`, data: addMembers('bulkId:late', 'bulkId:later') },
      {
        method: 'PATCH',
        path: '/Users/bulkId:late',
        data: { Operations: [{ op: 'add', path: 'title', value: 'Dr' }] },
      },
      {
        method: 'PATCH',
        path: `/Groups/${present.id}`,
        data: patch({ op: 'remove', path: 'members[value eq "bulkId:later"]' }),
      },
      post('team', { ...group('late team'), members: ['bulkId:late', { $ref: '../Users/bulkId:later' }] }, '/Groups'),
      post('late', user('late', { [enterpriseSchema]: { manager: 'bulkId:later' } })),
      post('later', user('later')),
      { method: 'DELETE', path: '/Users/bulkId:gone' },
      post('gone', user('gone before long')),
    ])
    expect(statuses(results)).toEqual(['200', '200', '200', '201', '201', '201', '204', '201'])
    const [late, later] = [idIn(results[4]), idIn(results[5])]
    expect(await members(present.id)).toEqual([late])
    expect(await members(idIn(results[3]))).toEqual([late, later].sort())
    expect((await scim('GET', `/Users/${late}`)).body).toMatchObject({
      title: 'Dr',
      [enterpriseSchema]: { manager: { value: later } },
    })
    expect(results[1].location).toBe(`${connection.scimBaseUrl}/Users/${late}`)
    expect(results[6]).toEqual({ method: 'DELETE', location: results[7].location, status: '204' })
    expect(await scim('GET', `/Users/${idIn(results[7])}`)).toMatchObject({ status: 404 })
  })

  test('to what was not created fail, and so do those that refer to these; no detail repeats a bulkId', async () => {
    await create('/Users', user('taken by somebody'))
    const results = await run([
      post('taken', user('taken by somebody')),
      post('team', group('never', ['bulkId:taken']), '/Groups'),
      { method: 'PATCH', path: '/Groups/bulkId:team', data: addMembers('x') },
      post('fine', user('fine all the same')),
      post('unknown', group('never', ['bulkId:nobody']), '/Groups'),
    ])
    expect(statuses(results)).toEqual(['409', '409', '409', '201', '400'])
    for (const index of [1, 2])
      expect(results[index].response.detail).toContain(`the one at /Operations/${index - 1}, which created nothing`)
    expect(results[2]).not.toHaveProperty('location')
    expect(results[4].response.detail).toContain('/Operations/4 refers to a bulkId that no POST')
    for (const index of [1, 2, 4]) expect(results[index].response.detail).not.toMatch(/taken|team|nobody/)
    expect(await named('/Groups', 'never')).toBe(0)
  })

  test('in a circle of which one cannot be created leave nothing of it: 409 for the others, which are told of it', async () => {
    await create('/Users', user('already.here'))
    const managed = (name: string, manager: string) =>
      user(name, { [enterpriseSchema]: { manager: { value: `bulkId:${manager}` } } })
    const results = await run([
      post('a', managed('circle.a', 'b')),
      post('b', managed('circle.b', 'c')),
      post('c', managed('Already.Here', 'a')),
      post('d', managed('circle.d', 'a')),
      post('e', managed('circle.e', 'f')),
      post('f', { ...managed('circle.f', 'e'), userName: 7.5, active: 'perhaps' }),
      post('g', managed('circle.g', 'g')),
      post('h', managed('circle.h', 'i')),
      post('i', managed('circle.i', 'h'), '/Nothing'),
      post('j', group('circle j', ['bulkId:k', 'bulkId:c']), '/Groups'),
      post('k', group('circle k', ['bulkId:j']), '/Groups'),
    ])
    expect(statuses(results)).toEqual(['409', '409', '409', '409', '409', '400', '201', '409', '404', '409', '409'])
    for (const [index, refused] of [
      [0, 2],
      [1, 2],
      [4, 5],
      [7, 8],
      [10, 9],
    ] as const)
      expect(results[index].response.detail).toContain(`what is at /Operations/${refused} could not be done`)
    for (const index of [3, 9]) expect(results[index].response.detail).toContain('which created nothing')
    expect(results[2].response.scimType).toBe('uniqueness')
    for (const name of ['circle.a', 'circle.b', 'circle.d', 'circle.e']) expect(await named('/Users', name)).toBe(0)
    const own = (await scim('GET', `/Users/${idIn(results[6])}`)).body
    expect(own[enterpriseSchema].manager.value).toBe(own.id)
    const told = (await world.events(connection.id)).filter(({ payload }) =>
      payload.person?.userName.startsWith('circle.'),
    )
    expect(told.map(({ name, payload }) => [name, payload.person.userName])).toEqual([['user.provisioned', 'circle.g']])
  })

  test('in a larger circle of users and groups are all resolved', async () => {
    const results = await run([
      post('one', group('ring one', ['bulkId:two', 'bulkId:person']), '/Groups'),
      post('two', group('ring two', ['bulkId:three']), '/Groups'),
      post('person', user('ring person')),
      post('three', group('ring three', ['bulkId:one', 'bulkId:two']), '/Groups'),
      { method: 'PATCH', path: '/Groups/bulkId:three', data: addMembers('bulkId:person') },
    ])
    expect(statuses(results)).toEqual(['201', '201', '201', '201', '200'])
    const [one = '', two = '', person = '', three = ''] = results.map(idIn)
    expect(await members(one)).toEqual([two, person].sort())
    expect(await members(two)).toEqual([three])
    expect(await members(three)).toEqual([one, two, person].sort())
    const read = await scim('GET', `/Groups/${three}`)
    expect(versionOf(read.body)).toBe(3)
    expect(results[4].version).toBe('W/"3"')
    await expectContiguous(read.body)
  })
})
