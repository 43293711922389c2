import fc from 'fast-check'
import { ExactNumber } from '../exact-number.ts'
import type { AttributePath, ComparisonOperator, Filter } from '../filter/filter.ts'
import type { JsonValue } from '../json.ts'
import { commonAttributes } from '../schema/common-attributes.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { ResourceType } from '../schema/resource-type.ts'
import { valueOf } from './values.ts'

const operators = fc.constantFrom<ComparisonOperator[]>('eq', 'eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le')

interface Named {
  readonly path: AttributePath
  readonly attribute: Attribute
}

/** A filter on attributes of that type, in any of their spellings, with values that resources of `anyBody` may have. */
export function anyFilter(type: ResourceType): fc.Arbitrary<Filter> {
  const all = namesOf(type)
  const complex = all.filter(({ path, attribute }) => path.sub === undefined && attribute.name !== 'meta')
  const valuePath = fc
    .constantFrom(...complex)
    .chain(({ path, attribute }) =>
      logic(fc.oneof({ weight: 9, arbitrary: terms(insideOf(attribute)) }, fc.constant(unknownTerm))).map(
        (filter): Filter => ({ kind: 'valuePath', path, filter }),
      ),
    )
  return logic(fc.oneof({ weight: 3, arbitrary: terms(all) }, valuePath))
}

const unknownTerm: Filter = { kind: 'compare', path: { name: 'unknown' }, operator: 'ne', value: 'x' }

function logic(term: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, depthSize: 'small' },
      { weight: 3, arbitrary: term },
      fc.record({
        kind: fc.constantFrom<('and' | 'or')[]>('and', 'or'),
        terms: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant<'not'>('not'), term: tie('filter') }),
    ),
  })).filter
}

function terms(names: readonly Named[]): fc.Arbitrary<Filter> {
  return fc.constantFrom(...names).chain(({ path, attribute }) => {
    const spelt = fc.boolean().map((loud) => (loud ? { ...path, name: path.name.toUpperCase() } : path))
    const literal = fc.oneof({ weight: 9, arbitrary: literalOf(attribute) }, fc.constant(null))
    return fc.oneof(fc.record({ kind: fc.constant<'present'>('present'), path: spelt }), {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant<'compare'>('compare'),
        path: spelt,
        operator: operators,
        value: literal,
      }),
    })
  })
}

/** As `parseFilter` reads it: what is no plain number is a text. */
function literalOf(attribute: Attribute): fc.Arbitrary<string | number | boolean | null> {
  const part = attribute.subAttributes?.find(({ name }) => name === 'value')
  if (attribute.type === 'complex') return part === undefined ? fc.constant('x') : literalOf(part)
  return valueOf(attribute).map(literal)
}

function literal(value: JsonValue): string | number | boolean | null {
  if (value instanceof ExactNumber) return value.text
  return typeof value === 'object' ? null : value
}

function namesOf(type: ResourceType): Named[] {
  const own = [...commonAttributes, ...type.schema.attributes].flatMap((attribute) => withParts({}, attribute))
  const extended = type.extensions.flatMap(({ schema }) =>
    schema.attributes.flatMap((attribute) => withParts({ schema: schema.id }, attribute)),
  )
  return [...own, ...extended, { path: { name: 'unknown' }, attribute: { ...commonText } }]
}

const commonText: Attribute = {
  name: 'unknown',
  type: 'string',
  description: '',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
}

function withParts(schema: { schema?: string }, attribute: Attribute): Named[] {
  const parts = attribute.subAttributes ?? []
  return [
    { path: { ...schema, name: attribute.name }, attribute },
    ...parts.map((part) => ({ path: { ...schema, name: attribute.name, sub: part.name }, attribute: part })),
  ]
}

function insideOf(attribute: Attribute): Named[] {
  const parts = attribute.subAttributes ?? [{ ...attribute, name: 'value' }]
  return parts.map((part) => ({ path: { name: part.name }, attribute: part }))
}
