import { attribute } from '../schema/attribute.ts'
import type { Attribute, AttributeType, Characteristics } from '../schema/attribute.ts'
import { defineResourceType } from '../schema/resource-type.ts'
import type { Schema } from '../schema/resource-type.ts'
import { resourceTypes } from '../schema/resource-types.ts'

const simple: readonly (readonly [name: string, type: AttributeType, characteristics?: Characteristics])[] = [
  ['text', 'string'],
  ['exact', 'string', { caseExact: true }],
  ['flag', 'boolean'],
  ['count', 'integer'],
  ['weight', 'decimal'],
  ['since', 'dateTime'],
  ['bytes', 'binary'],
  ['link', 'reference', { referenceTypes: ['external'] }],
]

/** An extension that has an attribute of each type: single and multi-valued, by itself, in a complex value, and in the elements of one. */
export const everyTypeSchema: Schema = {
  id: 'urn:example:params:scim:schemas:extension:every:2.0:Type',
  name: 'EveryType',
  description: 'An attribute of each type',
  attributes: [
    ...each(''),
    ...each('s', { multiValued: true }),
    attribute('one', 'complex', 'One value of parts', {
      subAttributes: [...each(''), ...each('s', { multiValued: true })],
    }),
    attribute('many', 'complex', 'Many values of parts', {
      multiValued: true,
      subAttributes: [
        attribute('value', 'string', 'The value'),
        attribute('type', 'string', 'Its type', { canonicalValues: ['work', 'home'] }),
        attribute('primary', 'boolean', 'Whether it is the first'),
        ...each(''),
        ...each('s', { multiValued: true }),
      ],
    }),
  ],
}

/** A User with that extension beside the enterprise one. */
export const everyType = defineResourceType({
  ...resourceTypes.User,
  extensions: [...resourceTypes.User.extensions, { schema: everyTypeSchema, required: false }],
})

function each(ending: string, plural: Characteristics = {}): Attribute[] {
  return simple.map(([name, type, characteristics]) =>
    attribute(`${name}${ending}`, type, `Of type ${type}`, { ...characteristics, ...plural }),
  )
}
