import { isObject } from '../json.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Attribute, AttributeType } from './attribute.ts'
import type { SchemaFault, SchemaFaults } from './schema-faults.ts'

type Path = SchemaFault['path']

const types: readonly AttributeType[] = [
  'string',
  'boolean',
  'decimal',
  'integer',
  'dateTime',
  'binary',
  'reference',
  'complex',
]
const mutabilities: readonly Attribute['mutability'][] = ['readWrite', 'readOnly', 'immutable', 'writeOnly']
const returns: readonly Attribute['returned'][] = ['default', 'always', 'never', 'request']
const uniquenesses: readonly Attribute['uniqueness'][] = ['none', 'server', 'global']
const characteristics = [
  'name',
  'type',
  'description',
  'multiValued',
  'required',
  'caseExact',
  'mutability',
  'returned',
  'uniqueness',
  'canonicalValues',
  'referenceTypes',
  'subAttributes',
] as const

type Fields = Partial<Record<(typeof characteristics)[number], JsonValue>>

/** ATTRNAME of RFC 7643 section 2.1. */
const namePattern = /^[A-Za-z][A-Za-z0-9$_-]{0,99}$/
/** Common attributes (RFC 7643 section 3.1), and "schemas". */
const common: ReadonlySet<string> = new Set(['id', 'externalid', 'meta', 'schemas'])
/** Names that every object has, and the one word of a filter that may stand where a name does. */
const taken: ReadonlySet<string> = new Set([...Object.getOwnPropertyNames(Object.prototype), 'not'])

/** Reads the attributes of an operator's schema; what is wrong goes to the faults. */
export class AttributeReader {
  readonly #faults: SchemaFaults

  constructor(faults: SchemaFaults) {
    this.#faults = faults
  }

  /** `within` is the complex attribute that they are parts of. */
  readAll(values: readonly JsonValue[], path: Path, within?: Attribute): Attribute[] {
    const first = new Map<string, string>()
    return values.flatMap((value, index) => {
      const at = [...path, index]
      if (!isObject(value)) {
        this.#faults.add(at, 'is no object', 'define an attribute by its characteristics, like {"name": "costCenter"}')
        return []
      }
      const attribute = this.#read(value, at, within)
      const key = attribute.name.toLowerCase()
      const earlier = first.get(key)
      if (earlier !== undefined) {
        this.#faults.add([...at, 'name'], 'is there already, in any letter case', 'define each name once')
      }
      first.set(key, attribute.name)
      return [attribute]
    })
  }

  #read(object: JsonObject, path: Path, within: Attribute | undefined): Attribute {
    const faults = this.#faults
    const fields: Fields = faults.fieldsOf(object, characteristics, path)
    const type = faults.wordOf(fields.type, [...path, 'type'], types, 'string')
    const mutability = faults.wordOf(fields.mutability, [...path, 'mutability'], mutabilities, 'readWrite')
    const hidden = mutability === 'writeOnly' ? 'never' : 'default'
    const attribute: Attribute = {
      name: this.#readName(fields.name, [...path, 'name'], type, within),
      type,
      description: faults.textOf(fields.description, [...path, 'description'], 2_000) ?? '',
      multiValued: faults.flagOf(fields.multiValued, [...path, 'multiValued'], false),
      required: faults.flagOf(fields.required, [...path, 'required'], false),
      caseExact: faults.flagOf(fields.caseExact, [...path, 'caseExact'], type === 'reference') || type === 'binary',
      mutability,
      returned: faults.wordOf(fields.returned, [...path, 'returned'], returns, hidden),
      uniqueness: faults.wordOf(fields.uniqueness, [...path, 'uniqueness'], uniquenesses, 'none'),
      ...present('canonicalValues', faults.textsOf(fields.canonicalValues, [...path, 'canonicalValues'])),
      ...present('referenceTypes', faults.textsOf(fields.referenceTypes, [...path, 'referenceTypes'])),
    }
    this.#checkTogether(attribute, path)
    return { ...attribute, ...present('subAttributes', this.#readParts(attribute, fields, path, within)) }
  }

  #readName(value: JsonValue | undefined, path: Path, type: AttributeType, within: Attribute | undefined): string {
    const name = typeof value === 'string' ? value : ''
    if (name === '$ref' && within !== undefined && type === 'reference') return name
    if (!namePattern.test(name)) {
      this.#faults.add(
        path,
        'is no attribute name of at most 100 characters (RFC 7643 section 2.1)',
        'begin with a letter and go on with letters, digits, "-", "_" and "$"; "$ref" names a sub-attribute of type reference',
      )
    } else if (within === undefined && common.has(name.toLowerCase())) {
      this.#faults.add(path, 'is an attribute that every resource has (RFC 7643 section 3.1)', 'choose another name')
    } else if (taken.has(name)) {
      this.#faults.add(path, 'is a word that has another meaning to software', 'choose another name')
    }
    return name
  }

  #readParts(attribute: Attribute, fields: Fields, path: Path, within: Attribute | undefined): Attribute[] | undefined {
    const at = [...path, 'subAttributes']
    const list = fields.subAttributes ?? []
    if (attribute.type !== 'complex') {
      if (Array.isArray(list) && list.length === 0) return undefined
      this.#faults.add(at, 'belongs to the type complex alone', 'make the type complex, or leave them out')
      return undefined
    }
    if (within !== undefined) {
      const cause = 'is complex within a complex attribute (RFC 7643 section 2.3.8)'
      this.#faults.add([...path, 'type'], cause, 'define it beside the other, not inside')
      return undefined
    }
    if (!Array.isArray(list) || list.length === 0) {
      this.#faults.add(at, 'is no array of sub-attributes', 'a complex attribute has at least one')
      return undefined
    }
    return this.readAll(list, at, attribute)
  }

  /** What contradicts itself, or promises what is not kept here. */
  #checkTogether({ type, uniqueness, mutability, returned, required, referenceTypes }: Attribute, path: Path): void {
    const faults = this.#faults
    if (uniqueness !== 'none') {
      faults.add(
        [...path, 'uniqueness'],
        'asks that values be unique, which is kept for userName alone',
        'say none, and have the identity provider keep them apart',
      )
    }
    if (mutability === 'writeOnly' && returned !== 'never') {
      faults.add([...path, 'returned'], 'contradicts the mutability writeOnly', 'say never')
    }
    if (mutability === 'writeOnly' && required) {
      const cause = 'asks for a value of which nothing is kept: what is writeOnly is checked and forgotten'
      faults.add([...path, 'required'], cause, 'say false')
    }
    if (mutability === 'readOnly' && required) {
      faults.add([...path, 'required'], 'asks for a value that nobody can set, since it is readOnly', 'say false')
    }
    if (referenceTypes !== undefined && type !== 'reference') {
      faults.add([...path, 'referenceTypes'], 'belongs to the type reference alone', 'leave it out')
    }
  }
}

function present<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value })
}
