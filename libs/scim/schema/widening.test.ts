import { attribute } from './attribute.ts'
import type { Attribute } from './attribute.ts'
import type { OwnExtension } from './resource-types.ts'
import { breaksOf } from './widening.ts'

function extension(attributes: readonly Attribute[], more: Partial<OwnExtension> = {}): OwnExtension {
  const document = { id: 'urn:acme:costs', name: 'Costs', description: 'x', attributes }
  return { resourceType: 'User', required: false, document, ...more }
}

const center = attribute('center', 'string', 'Who pays.')
const breaks = (before: OwnExtension, after: OwnExtension): string[] =>
  breaksOf(before, after).map(({ path, cause }) => `/${path.join('/')} ${cause}`)
const between = (before: Partial<Attribute>, after: Partial<Attribute>): string[] =>
  breaks(extension([{ ...center, ...before }]), extension([{ ...center, ...after }]))

test('new optional attributes, other descriptions and another order are no break', () => {
  const after = extension([attribute('more', 'boolean', ''), { ...center, description: 'Whoever pays.' }])
  expect(
    breaks(extension([center]), { ...after, document: { ...after.document, name: 'N', description: 'D' } }),
  ).toEqual([])
})

test.each<[Partial<Attribute>, Partial<Attribute>]>([
  [{ required: true }, { required: false }],
  [{ type: 'integer' }, { type: 'decimal' }],
  [{ mutability: 'immutable' }, { mutability: 'readWrite' }],
  [{ mutability: 'readOnly' }, { mutability: 'immutable' }],
  [{ returned: 'request' }, { returned: 'default' }],
  [{ returned: 'default' }, { returned: 'always' }],
  [{ canonicalValues: ['a'] }, { canonicalValues: ['b', 'a'] }],
  [{ canonicalValues: ['a'] }, { canonicalValues: undefined }],
  [{ referenceTypes: ['User'] }, { referenceTypes: ['User', 'Group'] }],
  [{ subAttributes: [center] }, { subAttributes: [center, attribute('more', 'string', '')] }],
])('%j may become %j', (before, after) => {
  expect(between(before, after)).toEqual([])
})

test.each<[Partial<Attribute>, Partial<Attribute>, string]>([
  [{}, { type: 'integer' }, '/attributes/0/type was string'],
  [{ type: 'decimal' }, { type: 'integer' }, '/attributes/0/type was decimal'],
  [{}, { multiValued: true }, '/attributes/0/multiValued was false'],
  [{}, { required: true }, '/attributes/0/required was false, and there may be resources without a value'],
  [{}, { caseExact: true }, '/attributes/0/caseExact was false'],
  [{}, { mutability: 'immutable' }, '/attributes/0/mutability was readWrite'],
  [{ mutability: 'writeOnly' }, { mutability: 'readWrite' }, '/attributes/0/mutability was writeOnly'],
  [{}, { returned: 'request' }, '/attributes/0/returned was default'],
  [{ returned: 'never' }, { returned: 'request' }, '/attributes/0/returned was never'],
  [{ returned: 'always' }, { returned: 'never' }, '/attributes/0/returned was always'],
  [
    { canonicalValues: ['a', 'b'] },
    { canonicalValues: ['c'] },
    '/attributes/0/canonicalValues no longer names "a", "b"',
  ],
  [{}, { canonicalValues: ['a'] }, '/attributes/0/canonicalValues was not limited'],
  [{ subAttributes: [center] }, { subAttributes: [] }, '/attributes/0/subAttributes no longer defines "center"'],
  [{}, { name: 'Center' }, '/attributes no longer defines "center"'],
])('%j may not become %j', (before, after, told) => {
  expect(between(before, after)).toEqual([told])
})

test('each break is told: what is gone, what is newly required, what it extends', () => {
  const more = attribute('more', 'string', '', { required: true })
  const after = extension([more], { resourceType: 'Group', required: true })
  expect(breaks(extension([center]), after)).toEqual([
    '/resourceType was User',
    '/required was false, and there may be resources without this schema',
    '/attributes/0/required is true for a new attribute, which no resource has yet',
    '/attributes no longer defines "center"',
  ])
})
