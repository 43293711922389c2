import { ExactNumber } from '#libs/scim/index'
import { Pseudonyms } from './pseudonyms.ts'

const veil = new Pseudonyms(Buffer.alloc(32, 1), 'one')

test('a value keeps its form and loses its letters and digits', () => {
  const [address, name] = [veil.text('Ada.Byron-1815@example.com'), veil.text('Ünal Ωmega')]
  expect(address).toMatch(/^[A-Z][a-z]{2}\.[A-Z][a-z]{4}-[1-9]{4}@[a-z]{7}\.[a-z]{3}$/)
  expect(address).not.toMatch(/ada|byron|1815|example/i)
  expect(name).toMatch(/^[A-Z][a-z]{3} [A-Z][a-z]{4}$/)
})

test('one value has one pseudonym in a connection, and another elsewhere', () => {
  expect(veil.text('ada')).toBe(new Pseudonyms(Buffer.alloc(32, 1), 'one').text('ada'))
  expect(veil.text('ada lovelace')).not.toBe(new Pseudonyms(Buffer.alloc(32, 1), 'two').text('ada lovelace'))
  expect(veil.text('ada lovelace')).not.toBe(new Pseudonyms(Buffer.alloc(32, 2), 'one').text('ada lovelace'))
})

test('of a body the values are hidden wherever they are, and what makes it odd stays', () => {
  const body = veil.body({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [
      { op: 'Replace', path: 'emails[type eq "work" and value eq "ada@example.com"].value', value: 'ada@example.com' },
      { op: 'add', path: 'members', value: [{ value: '01a20e52-426b-7001-83a3-51975df3f104' }] },
      {
        op: 'add',
        value: { active: 'True', password: 'Secret-123', roles: ['{"value":"Chief of Ada","primary":true}'] },
      },
    ],
    hired: '2026-01-31T12:00:00Z',
    employeeNumber: 4711,
    account: new ExactNumber('-98765432109876543210.5e12'),
    nothing: null,
  })
  const text = JSON.stringify(body)
  expect(text).not.toMatch(/ada|example\.com|Secret|Chief|4711|98765/i)
  expect(body).toMatchObject({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
    Operations: [
      {
        op: 'Replace',
        path: expect.stringMatching(/^emails\[type eq "[a-z]{4}" and value eq "[a-z]{3}@[a-z]{7}\.[a-z]{3}"\]\.value$/),
      },
      { value: [{ value: '01a20e52-426b-7001-83a3-51975df3f104' }] },
      {
        value: {
          active: 'True',
          password: 'password',
          roles: [expect.stringMatching(/^\{"value":"[A-Z][a-z]{4} [a-z]{2} [A-Z][a-z]{2}","primary":true\}$/)],
        },
      },
    ],
    hired: '2026-01-31T12:00:00Z',
    employeeNumber: expect.any(Number),
    nothing: null,
  })
})

test('of a bulk request the names are hidden, and what refers to each other still does', () => {
  const body = veil.body({
    failOnErrors: 1,
    Operations: [
      { method: 'POST', path: '/Users', bulkId: 'ada@example.com', data: { userName: 'ada' } },
      {
        method: 'PATCH',
        path: '/Groups/ada@example.com',
        data: [{ op: 'remove', path: 'members[value eq "bulkId:ada@example.com"]' }],
      },
      { method: 'DELETE', path: '/Users/bulkId:ada@example.com', version: 'W/"3"' },
    ],
  })
  const name = veil.text('ada@example.com')
  expect(JSON.stringify(body)).not.toMatch(/ada|example/i)
  expect(body).toMatchObject({
    failOnErrors: 1,
    Operations: [
      { method: 'POST', path: '/Users', bulkId: name },
      { path: `/Groups/${name}`, data: [{ op: 'remove', path: `members[value eq "bulkId:${name}"]` }] },
      { method: 'DELETE', path: `/Users/bulkId:${name}`, version: 'W/"3"' },
    ],
  })
})

test('of a filter the values are hidden, quoted or not', () => {
  expect(veil.filter('externalId eq ada7 or userName eq "ada\\"x" and active eq true')).toMatch(
    /^externalId eq [a-z]{3}[1-9] or userName eq "[a-z]{3}\\"[a-z]" and active eq true$/,
  )
})
