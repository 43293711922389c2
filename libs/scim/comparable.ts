import { fold } from './filter/fold.ts'
import { normalizer } from './filter/matches.ts'
import { isObject } from './json.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { commonAttributes } from './schema/common-attributes.ts'
import type { Attribute } from './schema/attribute.ts'
import type { ResourceType } from './schema/resource-type.ts'

/**
 * A document in the form in which filters and sorting compare it: texts folded unless they are caseExact, dateTimes canonical. For stores
 * that can compare texts only byte by byte, after lower-casing A to Z at the most: undefined when that comes to the same with the document
 * as it is, which is so for most.
 */
export function comparableForm(type: ResourceType, document: JsonObject): JsonObject | undefined {
  const core = comparableObject([...commonAttributes, ...type.schema.attributes], document)
  const blocks: JsonObject = {}
  for (const { schema } of type.extensions) {
    const block = document[schema.id]
    const form = isObject(block) ? comparableObject(schema.attributes, block) : block
    if (form !== undefined && form !== block) blocks[schema.id] = form
  }
  return core === document && Object.keys(blocks).length === 0 ? undefined : { ...core, ...blocks }
}

/** The object itself where nothing in it has another form. */
function comparableObject(attributes: readonly Attribute[], holder: JsonObject): JsonObject {
  let form = holder
  for (const attribute of attributes) {
    const value = holder[attribute.name]
    const other = value === undefined ? undefined : comparableValue(attribute, value)
    if (other === undefined || other === value) continue
    if (form === holder) form = { ...holder }
    form[attribute.name] = other
  }
  return form
}

function comparableValue(attribute: Attribute, value: JsonValue): JsonValue {
  if (typeof value === 'string') return comparableText(attribute, value)
  if (Array.isArray(value)) {
    const forms = value.map((element) => comparableValue(attribute, element))
    return forms.every((form, index) => form === value[index]) ? value : forms
  }
  return isObject(value) ? comparableObject(attribute.subAttributes ?? [], value) : value
}

const ascii = /^[ -~]*$/

function comparableText(attribute: Attribute, text: string): string {
  const form = normalizer(attribute)(text)
  if (form === text || attribute.type === 'dateTime') return form
  if (ascii.test(text)) return text
  return form === text.replace(/[A-Z]/g, fold) ? text : form
}
