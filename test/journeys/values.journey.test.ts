import { eventually, patch, user } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

const found = async (filter: string): Promise<number> => {
  const { status, body } = await scim('GET', `/Users?${new URLSearchParams({ filter }).toString()}`)
  expect(status).toBe(200)
  return body.totalResults
}

test('text of every kind comes back as it was sent and is found; what is no text is refused', async () => {
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User']
  const texts = [
    'e\u0301',
    '\u00e9',
    '\u{1f469}\u200d\u{1f4bb}',
    '\ufdfa',
    ' \t ',
    '"\\/\b',
    '\u2028',
    'x'.repeat(50_000),
    '',
  ]
  for (const [index, title] of texts.entries()) {
    const { id } = await create('/Users', user(`text-${index}`, { title }))
    expect((await scim('GET', `/Users/${id}`)).body).toMatchObject({ title })
    if (title.length > 2_000) continue
    expect(await found(`title eq ${JSON.stringify(title)} and userName eq "text-${index}"`)).toBe(1)
  }
  const sent = `{"schemas":${JSON.stringify(schemas)},"userName":"digits","externalId":9007199254740993,"employeeNumber":1.10}`
  expect((await scim('POST', '/Users', sent)).body).toMatchObject({ externalId: '9007199254740993' })
  for (const text of ['\\u0000', '\\ud800']) {
    const { status, body } = await scim(
      'POST',
      '/Users',
      `{"schemas":${JSON.stringify(schemas)},"userName":"bad","title":"${text}"}`,
    )
    expect([status, body.scimType]).toEqual([400, 'invalidValue'])
  }
})

test('point 21: a name is taken in every spelling that means it, is found in every one, and is kept as it came', async () => {
  const { id } = await create('/Users', user('Jos\u00e9@Example.com '))
  expect((await scim('GET', `/Users/${id}`)).body.userName).toBe('Jos\u00e9@Example.com ')
  for (const spelling of ['jose\u0301@example.com', ' JOSE\u0301@EXAMPLE.COM', 'jos\u00e9\uff20example.com']) {
    expect(await scim('POST', '/Users', user(spelling))).toMatchObject({
      status: 409,
      body: { scimType: 'uniqueness' },
    })
    expect(await found(`userName eq ${JSON.stringify(spelling)}`)).toBe(1)
  }
  expect(await found('userName sw "JOS\u00c9@"')).toBe(1)
  const { id: other } = await create('/Users', user('jos\u00e9 garc\u00eda'))
  const rename = { op: 'replace', path: 'userName', value: 'JOS\u00c9@example.com' }
  expect((await scim('PATCH', `/Users/${other}`, patch(rename))).status).toBe(409)
  expect(await scim('PATCH', `/Users/${id}`, patch(rename))).toMatchObject({
    status: 200,
    body: { userName: rename.value },
  })
  for (const userName of ['ada\u200b', 'ada\u202etxt']) {
    expect(await scim('POST', '/Users', user(userName))).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue' },
    })
  }
})

test('a number of more digits than a double has keeps them, and is found by all of them', async () => {
  const urn = 'urn:example:params:scim:schemas:extension:account:2.0:User'
  const added = await world.admin('POST', `/connections/${connection.id}/schemas`, {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id: urn,
    name: 'Account',
    description: 'Account',
    attributes: [
      { name: 'number', type: 'integer' },
      { name: 'balance', type: 'decimal' },
    ],
  })
  expect(added).toMatchObject({ status: 201 })
  await eventually(
    () => scim('GET', `/Schemas/${urn}`),
    ({ status }) => status === 200,
  )
  const headers = { authorization: `Bearer ${connection.key}`, 'content-type': 'application/scim+json' }
  const text = async (method: string, path: string, body?: string): Promise<string> =>
    (
      await fetch(`${connection.scimBaseUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })
    ).text()
  const sent = '"number": 9223372036854775807, "balance": 0.1000000000000000055'
  const made = await text('POST', '/Users', `{"schemas":["${urn}"],"userName":"digits.all","${urn}":{${sent}}}`)
  const { id } = JSON.parse(made)
  const answers = [
    made,
    await text('PATCH', `/Users/${id}`, JSON.stringify(patch({ op: 'add', path: 'title', value: 'x' }))),
    await text('GET', `/Users/${id}`),
    await text('GET', `/Users/${id}?attributes=${urn}`),
    await text('GET', `/Users?filter=${encodeURIComponent('userName eq "digits.all"')}`),
  ]
  for (const answer of answers) {
    expect(answer).toMatch(/"number": ?9223372036854775807[,}]/)
    expect(answer).toMatch(/"balance": ?0.1000000000000000055[,}]/)
  }
  expect(await found(`${urn}:number eq 9223372036854775807`)).toBe(1)
  expect(await found(`${urn}:number eq 9223372036854775806`)).toBe(0)
  expect(await found(`${urn}:number gt 9223372036854775806 and ${urn}:balance gt 0.1`)).toBe(1)
  expect(await found(`${urn}:number gt 9223372036854775807`)).toBe(0)
  for (const number of ['7.0', '1e3']) {
    const refused = await text(
      'PATCH',
      `/Users/${id}`,
      JSON.stringify(patch({ op: 'replace', path: `${urn}:number`, value: 'N' })).replace('"N"', number),
    )
    expect(JSON.parse(refused)).toMatchObject({ status: '400', scimType: 'invalidValue' })
  }
})

test('point 26: a password changes nothing and is nowhere in the database', async () => {
  const password = 'Corr3ct-h0rse-battery'
  const { id, meta } = await create('/Users', user('secretive', { password }))
  const put = await scim('PUT', `/Users/${id}`, user('secretive', { active: true, password: `${password}-2` }))
  const patched = await scim(
    'PATCH',
    `/Users/${id}`,
    patch({ op: 'replace', path: 'password', value: `${password}-3` }),
  )
  for (const answer of [put, patched]) expect(answer).toMatchObject({ status: 200, body: { meta } })
  const tables = await world.query(
    `SELECT format('SELECT count(*) AS found FROM %I.%I AS t WHERE t::text LIKE $1', schemaname, tablename) AS text
    FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  )
  expect(tables.length).toBeGreaterThan(10)
  for (const { text } of tables) expect(await world.query(text, [`%${password}%`])).toEqual([{ found: '0' }])
})

test('point 28: lastModified is created until something changes, in milliseconds and UTC', async () => {
  const { id, meta } = await create('/Users', user('unchanged', { title: 'x' }))
  expect(meta.created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  expect(meta.lastModified).toBe(meta.created)
  const same = patch({ op: 'replace', path: 'title', value: 'x' }, { op: 'add', value: { active: 'True' } })
  expect((await scim('PATCH', `/Users/${id}`, same)).body.meta).toEqual(meta)
  const changed = await scim('PATCH', `/Users/${id}`, patch({ op: 'replace', path: 'title', value: 'y' }))
  expect(changed.body.meta).toMatchObject({ created: meta.created, version: 'W/"2"' })
  expect(changed.body.meta.lastModified > meta.created).toBe(true)
})
