import { schemaDocument } from '../discovery/schemas.ts'
import type { JsonObject } from '../json.ts'
import { printPath } from '../filter/filter.ts'
import { parseAttributePath } from '../filter/parse.ts'
import { readSchema, schemaClash, schemaLimits } from './read-schema.ts'
import type { Schema } from './resource-type.ts'

const id = 'urn:acme:params:scim:schemas:extension:costs:2.0:User'

function document(attributes: unknown, more: object = {}): object {
  return { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'], id, attributes, ...more }
}

function read(value: unknown): Schema {
  const result = readSchema(value)
  if ('faults' in result) throw new Error(JSON.stringify(result.faults))
  return result.schema
}

function faultsOf(value: unknown): string[] {
  const result = readSchema(value)
  return 'faults' in result ? result.faults.map(({ path, cause }) => `/${path.join('/')} ${cause}`) : []
}

const faultsOfOne = (attribute: object): string[] => faultsOf(document([{ name: 'a', ...attribute }]))

test('what is left out has the defaults of RFC 7643 section 2.2', () => {
  expect(read(document([{ name: 'costCenter' }]))).toEqual({
    id,
    name: 'User',
    description: '',
    attributes: [
      {
        name: 'costCenter',
        type: 'string',
        description: '',
        multiValued: false,
        required: false,
        caseExact: false,
        mutability: 'readWrite',
        returned: 'default',
        uniqueness: 'none',
      },
    ],
  })
})

test('what is read is written so that it reads the same', () => {
  const whole = read(
    document(
      [
        { name: 'level', type: 'integer', canonicalValues: ['1', '2'], returned: 'request', mutability: 'immutable' },
        {
          name: 'badges',
          type: 'complex',
          multiValued: true,
          description: 'What opens doors.',
          subAttributes: [
            { name: 'value', type: 'binary', required: true },
            { name: '$ref', type: 'reference', referenceTypes: ['external'] },
          ],
        },
      ],
      { name: 'Costs', description: 'Who pays.' },
    ),
  )
  expect(read(schemaDocument(whole))).toEqual(whole)
})

test('binary and reference are caseExact, and what is writeOnly is never returned, unless told', () => {
  const { attributes } = read(
    document([
      { name: 'a', type: 'binary', caseExact: false },
      { name: 'b', type: 'reference' },
      { name: 'c', type: 'reference', caseExact: false },
      { name: 'd', mutability: 'writeOnly' },
    ]),
  )
  expect(attributes.map(({ caseExact }) => caseExact)).toEqual([true, true, false, false])
  expect(attributes.map(({ returned }) => returned)).toEqual(['default', 'default', 'default', 'never'])
})

test.each([
  ['a', []],
  ['aZ9$_-', []],
  ['', ['/attributes/0/name is no attribute name of at most 100 characters (RFC 7643 section 2.1)']],
  ['9a', [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['a.b', [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['é', [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['$ref', [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['x'.repeat(101), [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['__proto__', [expect.stringContaining('/attributes/0/name is no attribute name')]],
  ['constructor', ['/attributes/0/name is a word that has another meaning to software']],
  ['not', ['/attributes/0/name is a word that has another meaning to software']],
  ['Schemas', ['/attributes/0/name is an attribute that every resource has (RFC 7643 section 3.1)']],
  ['externalid', ['/attributes/0/name is an attribute that every resource has (RFC 7643 section 3.1)']],
])('the name %j is one or is told why not', (name, faults) => {
  expect(faultsOf(document([{ name }]))).toEqual(faults)
})

test.each<[object, string[]]>([
  [
    { type: 'text' },
    ['/attributes/0/type is none of string, boolean, decimal, integer, dateTime, binary, reference, complex'],
  ],
  [{ multiValued: 'true' }, ['/attributes/0/multiValued is no boolean']],
  [{ mutability: 'readwrite' }, ['/attributes/0/mutability is none of readWrite, readOnly, immutable, writeOnly']],
  [{ returned: 'sometimes' }, ['/attributes/0/returned is none of default, always, never, request']],
  [{ uniqueness: 'server' }, ['/attributes/0/uniqueness asks that values be unique, which is kept for userName alone']],
  [{ mutability: 'writeOnly', returned: 'default' }, ['/attributes/0/returned contradicts the mutability writeOnly']],
  [
    { mutability: 'writeOnly', required: true },
    ['/attributes/0/required asks for a value of which nothing is kept: what is writeOnly is checked and forgotten'],
  ],
  [
    { mutability: 'readOnly', required: true },
    ['/attributes/0/required asks for a value that nobody can set, since it is readOnly'],
  ],
  [{ referenceTypes: ['User'] }, ['/attributes/0/referenceTypes belongs to the type reference alone']],
  [{ canonicalValues: 'x' }, ['/attributes/0/canonicalValues is no array of at most 200 texts']],
  [{ canonicalValues: ['x', 'x'] }, ['/attributes/0/canonicalValues holds a text twice']],
  [{ canonicalValues: ['x', 1] }, ['/attributes/0/canonicalValues/1 is no text of at most 200 characters']],
  [{ multivalued: true }, ['/attributes/0/multivalued is not known here']],
  [{ description: 1 }, ['/attributes/0/description is no text of at most 2000 characters']],
  [{ subAttributes: [{ name: 'b' }] }, ['/attributes/0/subAttributes belongs to the type complex alone']],
  [{ type: 'complex' }, ['/attributes/0/subAttributes is no array of sub-attributes']],
  [
    { type: 'complex', subAttributes: [{ name: 'b', type: 'complex', subAttributes: [{ name: 'c' }] }] },
    ['/attributes/0/subAttributes/0/type is complex within a complex attribute (RFC 7643 section 2.3.8)'],
  ],
  [
    { type: 'complex', subAttributes: [{ name: 'b' }, { name: 'B' }] },
    ['/attributes/0/subAttributes/1/name is there already, in any letter case'],
  ],
])('an attribute with %j is refused with its place', (attribute, faults) => {
  expect(faultsOfOne(attribute)).toEqual(faults)
})

test('all faults of a document are told together', () => {
  const faults = faultsOf({ schemas: ['x'], id: 'x', name: 1, attributes: [{ name: '' }, 'b'], extra: true })
  expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
    '/extra',
    '/id',
    '/schemas',
    '/name',
    '/attributes/0/name',
    '/attributes/1',
  ])
})

test.each([
  ['urn:acme:x:1.0:User', true],
  ['urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User', true],
  ['URN:acme:x_y~z-1', true],
  ['urn:acme:pay~roll', true],
  ['urn:acme:~', true],
  ['urn:acme', false],
  ['urn:acme:x:', false],
  ['urn:acme:a/b', false],
  ["urn:acme:a'b", false],
  ['urn:acme:a b', false],
  ['https://acme.example/schema', false],
  [`urn:acme:${'x'.repeat(schemaLimits.urn)}`, false],
  ['urn:ietf:params:scim:schemas:core:2.0:User', false],
  ['urn:ietf:params:scim:schemas:CORE:2.0:Device', false],
  ['urn:ietf:params:scim:api:messages:2.0:PatchOp', false],
])('the URN %s may be given: %p; if so, it is a path', (urn, may) => {
  expect(faultsOf(document([{ name: 'a' }], { id: urn })).length).toBe(may ? 0 : 1)
  if (may) expect(printPath(parseAttributePath(urn).path)).toBe(urn)
})

test.each<[string, unknown]>([
  ['no object', 'x'],
  ['an array', []],
  ['without attributes', document([])],
  ['with attributes that are no array', document({ name: 'a' })],
  [
    'too many attributes',
    document(Array.from({ length: schemaLimits.attributes + 1 }, (_, index) => ({ name: `a${index}` }))),
  ],
  ['too long', document([{ name: 'a', description: 'x'.repeat(schemaLimits.size) }])],
])('a document that is %s is refused', (_why, value) => {
  expect(faultsOf(value)).toHaveLength(1)
})

test('schemas do not clash by URN, nor by the path of an attribute', () => {
  const own = read(document([{ name: 'center', type: 'complex', subAttributes: [{ name: 'code' }] }]))
  const named = (urn: string): Schema => ({ ...own, id: urn })
  expect(schemaClash(own, [named('urn:acme:other')])).toBeUndefined()
  expect(schemaClash(named(id.toUpperCase()), [own])).toBe(`${id} is there already`)
  expect(schemaClash(named(`${id}:Center`), [own])).toBe(`${id}:Center is the path of an attribute of ${id}`)
  expect(schemaClash(own, [named(`${id}:center.code`)])).toBe(
    `an attribute of it would have the path ${id}:center.code`,
  )
  const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
  expect(schemaClash(named(enterprise), [])).toBe(`${enterprise} is there already`)
  expect(schemaClash(named(`${enterprise}:manager`), [])).toContain('is the path of an attribute')
})

test('no document, however odd, makes it throw', () => {
  const odd: unknown[] = [null, 0, '', [], {}, [[]], { name: { name: [] } }, { type: [], subAttributes: {} }]
  for (const value of odd) {
    for (const more of odd) {
      expect(
        faultsOf(document([value, { name: value, type: more, canonicalValues: more }], { id: more })).length,
      ).toBeGreaterThan(0)
      const fields: JsonObject = JSON.parse(JSON.stringify({ id: value, schemas: more, attributes: value, meta: more }))
      expect(faultsOf(fields).length).toBeGreaterThan(0)
    }
  }
})
