import { parseProjection, project } from '../render.ts'
import { checkRequired, withSchemas } from '../resource.ts'
import { attribute } from './attribute.ts'
import { enterpriseUserSchema } from './enterprise-user.ts'
import { groupSchema } from './group.ts'
import { defineResourceType, findAttribute, findExtension } from './resource-type.ts'
import { extendResourceTypes, resourceTypes } from './resource-types.ts'
import { userSchema } from './user.ts'

const { User, Group } = resourceTypes

test('the attributes are those of RFC 7643 section 8.7.1, in its order', () => {
  expect(userSchema.attributes.map(({ name }) => name).join(' ')).toBe(
    'userName name displayName nickName profileUrl title userType preferredLanguage locale timezone active password emails phoneNumbers ims photos addresses groups entitlements roles x509Certificates',
  )
  expect(groupSchema.attributes.map(({ name }) => name).join(' ')).toBe('displayName members')
  expect(enterpriseUserSchema.attributes.map(({ name }) => name).join(' ')).toBe(
    'employeeNumber costCenter organization division department manager',
  )
})

test("only userName and a Group's displayName are required, and only userName is unique", () => {
  const all = [...userSchema.attributes, ...groupSchema.attributes, ...enterpriseUserSchema.attributes]
  expect(all.filter(({ required }) => required).map(({ name }) => name)).toEqual(['userName', 'displayName'])
  expect(all.filter(({ uniqueness }) => uniqueness !== 'none').map(({ name }) => name)).toEqual(['userName'])
})

test('point 26: password is writeOnly and never returned', () => {
  expect(findAttribute(User, 'password')?.attribute).toMatchObject({ mutability: 'writeOnly', returned: 'never' })
})

test('point 25: externalId and id are caseExact, userName is not', () => {
  expect(findAttribute(User, 'externalId')?.attribute.caseExact).toBe(true)
  expect(findAttribute(Group, 'id')?.attribute.caseExact).toBe(true)
  expect(findAttribute(User, 'userName')?.attribute.caseExact).toBe(false)
})

test('point 30: attribute names and URNs are found in any letter case, with and without the URN', () => {
  const names = ['name.givenName', 'NAME.GIVENNAME', 'URN:ietf:params:scim:schemas:core:2.0:USER:name.givenname']
  for (const name of names) expect(findAttribute(User, name)?.path).toEqual(['name', 'givenName'])
  expect(findAttribute(User, 'ACTIVE')?.attribute.type).toBe('boolean')
  expect(findAttribute(User, 'meta.lastmodified')?.attribute.type).toBe('dateTime')
})

test("point 11: an extension's attribute lies below its URN, and its bare name means it too", () => {
  const path = [enterpriseUserSchema.id, 'manager', 'value']
  expect(findAttribute(User, `${enterpriseUserSchema.id}:manager.value`)?.path).toEqual(path)
  expect(findAttribute(User, 'manager.value')?.path).toEqual(path)
  expect(findAttribute(Group, 'manager')).toBeUndefined()
})

test('a resource type widened by an extension finds its attributes, and the first one is as it was', () => {
  const id = 'urn:example:params:scim:schemas:extension:badge:1.0:User'
  const schema = {
    id,
    name: 'Badge',
    description: 'Badge',
    attributes: [attribute('badge', 'integer', 'b'), attribute('title', 'string', 't', { returned: 'request' })],
  }
  const wide = defineResourceType({ ...User, extensions: [...User.extensions, { schema, required: false }] })
  expect(findAttribute(wide, `${id}:BADGE`)?.path).toEqual([id, 'badge'])
  expect(findAttribute(wide, 'title')?.extension).toBeUndefined()
  expect(wide.hidesAttributes).toBe(true)
  expect(User.hidesAttributes).toBe(false)
  expect(findExtension(User, id)).toBeUndefined()
  expect(findAttribute(User, 'badge')).toBeUndefined()
})

test('no schema name reaches an inherited property', () => {
  for (const name of ['constructor', '__proto__', 'toString']) expect(findAttribute(User, name)).toBeUndefined()
})

describe('resource types with an extension of an operator', () => {
  const urn = 'urn:acme:costs:1.0:User'
  const extension = (required: boolean, ...attributes: ReturnType<typeof attribute>[]) =>
    ({ resourceType: 'User', required, document: { id: urn, name: 'Costs', description: '', attributes } }) as const
  const center = attribute('center', 'string', '', { required: true })

  test('are the usual ones where there is none, and else only the extended one is another', () => {
    expect(extendResourceTypes([])).toBe(resourceTypes)
    const types = extendResourceTypes([extension(false, center)])
    expect(types.Group).toBe(Group)
    expect(findAttribute(types.User, `${urn.toUpperCase()}:Center`)).toMatchObject({
      path: [urn, 'center'],
      extension: urn,
    })
    expect(findAttribute(User, `${urn}:center`)).toBeUndefined()
  })

  test('show no stored document as it is while something of it is hidden', () => {
    const hidden = [
      attribute('a', 'string', '', { returned: 'never' }),
      attribute('b', 'string', '', { returned: 'request' }),
      attribute('c', 'complex', '', { subAttributes: [attribute('d', 'string', '', { returned: 'never' })] }),
    ]
    for (const one of hidden) expect(extendResourceTypes([extension(false, one)]).User.hidesAttributes).toBe(true)
    const open = [center, attribute('pin', 'string', '', { mutability: 'writeOnly', returned: 'never' })]
    expect(extendResourceTypes([extension(false, ...open)]).User.hidesAttributes).toBe(false)
    const type = extendResourceTypes([extension(false, center, ...hidden)]).User
    expect([...type.secrets]).toEqual(['password', `${urn}:a`, `${urn}:c`])
    const document = {
      schemas: [User.schema.id, urn],
      userName: 'ada',
      [urn]: { center: 'x', a: '1', b: '2', c: { d: '3' } },
    }
    expect(project(type, document, parseProjection(type, {}))).toMatchObject({ [urn]: { center: 'x' } })
    expect(JSON.stringify(project(type, document, parseProjection(type, { attributes: urn })))).not.toMatch(/"[13]"/)
  })

  test('demand a required one of what is new, and not of what was there before it', () => {
    const { User: type } = extendResourceTypes([extension(true, center)])
    const without = { schemas: [User.schema.id], userName: 'ada' }
    expect(() => checkRequired(type, without)).toThrow('is required and has no value')
    expect(() => checkRequired(type, without, without)).not.toThrow()
    expect(() => checkRequired(type, without, { ...without, [urn]: { center: 'x' } })).toThrow('is required')
    expect(() => checkRequired(type, { ...without, [urn]: { more: 'x' } }, without)).toThrow('"center" is required')
  })

  test('let go of the block of one that is gone', () => {
    const document = { userName: 'ada', [urn]: { center: 'x' } }
    expect(withSchemas(User, document)).toEqual({ schemas: [User.schema.id], userName: 'ada' })
    expect(withSchemas(extendResourceTypes([extension(false, center)]).User, document).schemas).toEqual([
      User.schema.id,
      urn,
    ])
  })
})
