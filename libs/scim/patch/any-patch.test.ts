import fc from 'fast-check'
import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import type { JsonObject } from '../json.ts'
import { dialects } from '../quirks/identity-providers.ts'
import type { Resource } from '../resource.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { applyPatch } from './apply.ts'
import { parsePatch, patchSchema } from './operation.ts'

const { User } = resourceTypes
const core = User.schema.id
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const ada: Resource = {
  schemas: [core],
  userName: 'ada',
  title: 'Countess',
  name: { givenName: 'Ada', familyName: 'L' },
  emails: [
    { type: 'work', value: 'ada@work.example', primary: true },
    { type: 'home', value: 'ada@home.example' },
  ],
}

const names = fc.constantFrom(
  'title',
  'userName',
  'active',
  'name',
  'name.givenName',
  'emails',
  'emails.value',
  'emails[type eq "work"]',
  'emails[type eq "x"].value',
  'emails[primary eq true].primary',
  'roles',
  'manager',
  enterprise,
  `${enterprise}:department`,
  'id',
  'schemas',
  'password',
  '__proto__',
  'x',
  core,
  'addresses',
  'members',
)
const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, 'x', 'True', '{"value":"v"}', 7, ''),
    fc.array(tie('json'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(names, fc.constantFrom('value', 'type', 'primary', 'givenName', 'toString')), tie('json'), {
      maxKeys: 4,
    }),
  ),
}))
const operation = fc.record(
  { op: fc.constantFrom('add', 'Replace', 'remove', 'x'), path: fc.oneof(names, json), value: json },
  { requiredKeys: ['op'] },
)

test('no PATCH touches its input, leaves anything but a resource, or throws anything but a SCIM error', () => {
  const before = JSON.stringify(ada)
  let applied = 0
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 4 }), fc.constantFrom(...dialects), (operations, dialect) => {
      const input: JsonObject = JSON.parse(JSON.stringify({ schemas: [patchSchema], Operations: operations }))
      const sent = JSON.stringify(input)
      try {
        const found = new Diagnosis(dialect)
        const { resource, changed } = applyPatch(User, ada, parsePatch(input, found), found)
        applied++
        expect(changed.length === 0).toBe(JSON.stringify(resource) === before || sameApartFromOrder(resource))
        for (const hidden of ['password', 'id', 'meta', 'groups']) expect(resource).not.toHaveProperty(hidden)
      } catch (error) {
        expect(error).toBeInstanceOf(ScimError)
      }
      expect(JSON.stringify(ada)).toBe(before)
      expect(JSON.stringify(input)).toBe(sent)
    }),
    { numRuns: 3000 },
  )
  expect(applied).toBeGreaterThan(100)
})

function sameApartFromOrder(resource: Resource): boolean {
  const sorted = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value
        .map(sorted)
        .map((one) => JSON.stringify(one))
        .sort()
    if (typeof value !== 'object' || value === null) return value
    return Object.entries(value)
      .map(([key, content]) => [key, sorted(content)])
      .sort()
  }
  return JSON.stringify(sorted(resource)) === JSON.stringify(sorted(ada))
}
