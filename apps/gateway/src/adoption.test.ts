import { defaultSettings } from '#libs/events/index'
import { readResource, type Resource, resourceTypes } from '#libs/scim/index'
import { adoptByFor, chooseAdopted, hasTrait, traitsOf } from './adoption.ts'
import type { Principal } from './principal.ts'

const { User, Group } = resourceTypes
const user = (attributes: object): Resource =>
  readResource(User, { schemas: [User.schema.id], userName: 'Ada', ...attributes }).resource

test('only users are adopted, and only where the connection says so', () => {
  const principal = (settings: Partial<Principal['settings']>): Principal => ({
    tenant: 'acme',
    connection: 'c1',
    environment: 'live',
    identityProvider: 'okta',
    enabled: true,
    settings: { ...defaultSettings, ...settings },
    types: resourceTypes,
  })
  expect(adoptByFor(User, principal({}))).toEqual([])
  expect(adoptByFor(User, principal({ adoptBy: ['emails'] }))).toEqual([])
  expect(adoptByFor(User, principal({ conflicts: 'adopt' }))).toEqual(['userName'])
  expect(adoptByFor(Group, principal({ conflicts: 'adopt' }))).toEqual([])
})

test('a user has the traits that it has values of, names and addresses in any letter case', () => {
  const wanted = user({ externalId: 'E1', emails: [{ value: 'Ada@x.y' }, { value: 'b@x.y' }] })
  const traits = traitsOf('c1', wanted, ['emails', 'externalId', 'userName'])
  expect(traits.map(({ by, keys }) => [by, keys.length])).toEqual([
    ['emails', 2],
    ['externalId', 1],
    ['userName', 1],
  ])
  expect(traitsOf('c1', user({}), ['emails', 'externalId'])).toEqual([])
  const [byEmail, byExternalId, byName] = traits
  if (byEmail === undefined || byExternalId === undefined || byName === undefined) throw new Error('a trait is missing')
  expect(hasTrait('c1', user({ userName: 'other', emails: [{ value: 'B@X.Y' }] }), byEmail)).toBe(true)
  expect(hasTrait('c2', user({ emails: [{ value: 'b@x.y' }] }), byEmail)).toBe(false)
  expect(hasTrait('c1', user({ userName: 'ADA' }), byName)).toBe(true)
  expect(hasTrait('c1', user({ externalId: 'e1' }), byExternalId)).toBe(false)
})

test('the first trait that anybody has decides, and none does where several users have it', () => {
  const traits = [
    { by: 'externalId', keys: ['e1'] },
    { by: 'emails', keys: ['a', 'b'] },
  ] as const
  const email = (id: string) => ({ by: 'emails', id }) as const
  expect(chooseAdopted(traits, [])).toBeUndefined()
  expect(chooseAdopted(traits, [email('u1'), { by: 'externalId', id: 'u2' }])).toEqual({ by: 'externalId', id: 'u2' })
  expect(chooseAdopted(traits, [email('u1'), email('u1')])).toEqual(email('u1'))
  expect(() => chooseAdopted(traits, [email('u1'), email('u2')])).toThrow(
    expect.objectContaining({ status: 409, scimType: 'uniqueness', code: 'ambiguous' }),
  )
})
