import { parseJson } from './json.ts'
import { keepImmutable } from './mutability.ts'
import { readResource } from './resource.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { resourceTypes } from './schema/resource-types.ts'

const immutable = { mutability: 'immutable' } as const
const schema = {
  id: 'urn:example:2.0:Badge',
  name: 'Badge',
  description: 'Badge',
  attributes: [
    attribute('number', 'integer', 'n', immutable),
    attribute('color', 'string', 'c'),
    attribute('doors', 'string', 'd', { ...immutable, multiValued: true }),
    attribute('card', 'complex', 'c', {
      subAttributes: [attribute('chip', 'string', 'c', immutable), attribute('note', 'string', 'n')],
    }),
    attribute('keys', 'complex', 'k', {
      multiValued: true,
      subAttributes: [attribute('value', 'string', 'v'), attribute('door', 'string', 'd', immutable)],
    }),
  ],
}
const User = defineResourceType({ ...resourceTypes.User, extensions: [{ schema, required: false }] })
const read = (badge: string) => readResource(User, parseJson(`{"userName":"ada","${schema.id}":${badge}}`)).resource
const before = read(
  '{"number":9007199254740993,"color":"red","doors":["a","b"],"card":{"chip":"x","note":"n"},"keys":[{"value":"k","door":"d"}]}',
)
const put = (badge: string) => keepImmutable(User, before, read(badge))[schema.id]

test('a POST sets what is immutable', () => {
  expect(before[schema.id]).toMatchObject({ doors: ['a', 'b'], card: { chip: 'x' } })
})

test('a PUT that repeats what is immutable, in any order, changes what is not', () => {
  expect(
    put('{"number":9007199254740993,"doors":["b","a"],"card":{"chip":"x"},"keys":[{"value":"k","door":"d"}]}'),
  ).toEqual({
    ...Object(before[schema.id]),
    color: undefined,
    doors: ['b', 'a'],
    card: { chip: 'x' },
  })
})

test('a PUT that says another value of what is immutable is refused as mutability', () => {
  for (const badge of [
    '{"number":9007199254740992}',
    '{"doors":["a"]}',
    '{"doors":["a","b","c"]}',
    '{"card":{"chip":"y"}}',
    '{"keys":[{"value":"k","door":"e"}]}',
  ]) {
    expect(() => put(badge)).toThrow(expect.objectContaining({ status: 400, scimType: 'mutability' }))
  }
})

test('a PUT that says nothing of what is immutable leaves it', () => {
  const { number, doors } = Object(before[schema.id])
  expect(put('{"color":"blue","card":{"note":"m"},"keys":[{"value":"k"},{"value":"l","door":"e"}]}')).toEqual({
    number,
    doors,
    color: 'blue',
    card: { chip: 'x', note: 'm' },
    keys: [
      { value: 'k', door: 'd' },
      { value: 'l', door: 'e' },
    ],
  })
  for (const badge of ['null', '{"number":null,"doors":[],"card":{"chip":null},"keys":[]}']) {
    expect(put(badge)).toEqual({ number, doors, card: { chip: 'x' } })
  }
  expect(keepImmutable(User, before, read('null')).schemas).toEqual([User.schema.id, schema.id])
})

test('a PUT sets what is immutable and had no value', () => {
  const empty = read('{"color":"red"}')
  expect(keepImmutable(User, empty, read('{"number":7,"card":{"chip":"x"}}'))[schema.id]).toEqual({
    number: 7,
    card: { chip: 'x' },
  })
})
