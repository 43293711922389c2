/** The data types of RFC 7643 section 2.3. */
export type AttributeType =
  | 'string'
  | 'boolean'
  | 'decimal'
  | 'integer'
  | 'dateTime'
  | 'binary'
  | 'reference'
  | 'complex'

/** One attribute with its characteristics, RFC 7643 sections 2.2 and 7. */
export interface Attribute {
  readonly name: string
  readonly type: AttributeType
  readonly description: string
  readonly multiValued: boolean
  readonly required: boolean
  readonly caseExact: boolean
  readonly mutability: 'readOnly' | 'readWrite' | 'immutable' | 'writeOnly'
  readonly returned: 'always' | 'never' | 'default' | 'request'
  readonly uniqueness: 'none' | 'server' | 'global'
  /** The profile of RFC 8265 by which values are checked and compared. */
  readonly profile?: 'UsernameCaseMapped'
  readonly canonicalValues?: readonly string[]
  readonly referenceTypes?: readonly string[]
  readonly subAttributes?: readonly Attribute[]
}

/** What an attribute says about itself beyond its name, type and description; the rest has the defaults of RFC 7643 section 2.2. */
export type Characteristics = Partial<Omit<Attribute, 'name' | 'type' | 'description'>>

/**
 * An attribute with the default characteristics of RFC 7643 section 2.2, save those given. A reference is caseExact (section 2.3.7), although the
 * listing of section 8.7.1 says otherwise: paths of two addresses may differ in case alone, and who takes them for one loses one.
 */
export function attribute(
  name: string,
  type: AttributeType,
  description: string,
  characteristics: Characteristics = {},
): Attribute {
  return {
    name,
    type,
    description,
    multiValued: false,
    required: false,
    caseExact: type === 'reference',
    mutability: 'readWrite',
    returned: 'default',
    uniqueness: 'none',
    ...characteristics,
  }
}

/** The sub-attribute of that name in any letter case. */
export function subAttribute(of: Attribute, name: string): Attribute | undefined {
  const wanted = name.toLowerCase()
  return of.subAttributes?.find((candidate) => candidate.name.toLowerCase() === wanted)
}
