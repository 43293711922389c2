import fc from 'fast-check'
import type { JsonObject, JsonValue } from '../json.ts'
import type { Attribute } from '../schema/attribute.ts'
import type { ResourceType } from '../schema/resource-type.ts'
import { anyValue } from './body.ts'
import { valueOf } from './values.ts'

/** One operation in parts, and as a client writes it. */
export interface PlainOperation {
  readonly op: 'add' | 'replace' | 'remove'
  readonly extension?: string
  readonly attribute: Attribute
  /** Selects the elements of which that part has that value. */
  readonly where?: { readonly part: Attribute; readonly value: string | boolean }
  readonly part?: Attribute
  readonly value?: JsonValue
  readonly written: JsonObject
}

/** Operations of a sound PATCH on attributes of that type. */
export function anyPatch(type: ResourceType): fc.Arbitrary<PlainOperation[]> {
  const own = type.schema.attributes.map((attribute) => ({ attribute }))
  const extended = type.extensions.flatMap(({ schema }) =>
    schema.attributes.map((attribute) => ({ attribute, extension: schema.id })),
  )
  const settable = [...own, ...extended].filter(({ attribute }) => attribute.mutability === 'readWrite')
  const operation = fc.constantFrom<{ attribute: Attribute; extension?: string }[]>(...settable).chain(operationOn)
  return fc.array(operation, { minLength: 1, maxLength: 6 })
}

function operationOn(target: { attribute: Attribute; extension?: string }): fc.Arbitrary<PlainOperation> {
  const { attribute } = target
  const parts = (attribute.subAttributes ?? []).filter(({ mutability }) => mutability !== 'readOnly')
  const selectors = attribute.multiValued ? parts.filter(({ name }) => name === 'type' || name === 'value') : []
  const where =
    selectors.length === 0
      ? fc.constant(undefined)
      : fc.option(fc.constantFrom(...selectors).chain(selection), { nil: undefined })
  const part = parts.length === 0 ? fc.constant(undefined) : fc.option(fc.constantFrom(...parts), { nil: undefined })
  return fc
    .tuple(fc.constantFrom<PlainOperation['op'][]>('add', 'replace', 'remove'), where, part)
    .chain(([op, selected, named]) => {
      const whole = { ...attribute, multiValued: attribute.multiValued && selected === undefined }
      const value =
        op === 'remove'
          ? fc.constant(undefined)
          : fc.oneof({ weight: 9, arbitrary: anyValue(named ?? whole) }, fc.constant(null))
      return value.map((given): PlainOperation => {
        const path = pathOf(target, selected, named)
        const written: JsonObject = { op, path, ...(given === undefined ? {} : { value: given }) }
        return {
          ...target,
          op,
          ...(selected === undefined ? {} : { where: selected }),
          ...(named === undefined ? {} : { part: named }),
          ...(given === undefined ? {} : { value: given }),
          written,
        }
      })
    })
}

function selection(part: Attribute): fc.Arbitrary<{ part: Attribute; value: string | boolean }> {
  return valueOf(part).map((value) => ({ part, value: typeof value === 'boolean' ? value : String(value) }))
}

function pathOf(
  { attribute, extension }: { attribute: Attribute; extension?: string },
  where: PlainOperation['where'],
  part: Attribute | undefined,
): string {
  const filter = where === undefined ? '' : `[${where.part.name} eq ${JSON.stringify(where.value)}]`
  return `${extension === undefined ? '' : `${extension}:`}${attribute.name}${filter}${part === undefined ? '' : `.${part.name}`}`
}
