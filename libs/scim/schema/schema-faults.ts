import type { JsonObject, JsonValue } from '../json.ts'

/** Something in a Schema document that cannot be taken. */
export interface SchemaFault {
  /** Where: keys and positions from the root of the document. */
  readonly path: readonly (string | number)[]
  /** What is wrong, said of the value there: "is no URN". */
  readonly cause: string
  readonly fix: string
}

/** Gathers all faults of a document, so that they are told together. */
export class SchemaFaults {
  readonly found: SchemaFault[] = []

  add(path: SchemaFault['path'], cause: string, fix: string): void {
    this.found.push({ path, cause, fix })
  }

  /** The object's own values by key; a key that is none of `known` is a fault, and null is as absent (RFC 7643 section 2.5). */
  fieldsOf<Key extends string>(
    object: JsonObject,
    known: readonly Key[],
    path: SchemaFault['path'],
  ): Partial<Record<Key, JsonValue>> {
    const fields: Partial<Record<Key, JsonValue>> = {}
    for (const [key, value] of Object.entries(object)) {
      const name = known.find((one) => one === key)
      if (name === undefined) this.add([...path, key], 'is not known here', this.#suggest(key, known))
      else if (value !== null) fields[name] = value
    }
    return fields
  }

  textOf(value: JsonValue | undefined, path: SchemaFault['path'], longest: number): string | undefined {
    if (value === undefined) return undefined
    const isText = typeof value === 'string' && value.isWellFormed() && !value.includes('\u0000')
    if (isText && value.length <= longest) return value
    this.add(path, `is no text of at most ${longest} characters`, 'send a string')
    return undefined
  }

  flagOf(value: JsonValue | undefined, path: SchemaFault['path'], otherwise: boolean): boolean {
    if (value === undefined || typeof value === 'boolean') return value ?? otherwise
    this.add(path, 'is no boolean', 'send true or false without quotes')
    return otherwise
  }

  wordOf<Word extends string>(
    value: JsonValue | undefined,
    path: SchemaFault['path'],
    words: readonly Word[],
    otherwise: Word,
  ): Word {
    if (value === undefined) return otherwise
    const word = words.find((one) => one === value)
    if (word === undefined) this.add(path, `is none of ${words.join(', ')}`, 'use one of these words')
    return word ?? otherwise
  }

  /** At most 200 different texts of at most 200 characters; undefined when there are none. */
  textsOf(value: JsonValue | undefined, path: SchemaFault['path']): string[] | undefined {
    if (value === undefined) return undefined
    if (!Array.isArray(value) || value.length > mostTexts) {
      this.add(path, `is no array of at most ${mostTexts} texts`, 'send an array of strings')
      return undefined
    }
    const texts = value.map((text, index) => this.textOf(text, [...path, index], longestText) ?? '')
    if (new Set(texts).size < texts.length) this.add(path, 'holds a text twice', 'send each once')
    return texts.length === 0 ? undefined : texts
  }

  #suggest(key: string, known: readonly string[]): string {
    const meant = known.find((one) => one.toLowerCase() === key.toLowerCase())
    return meant === undefined ? `use ${known.join(', ')}` : `write it as "${meant}"`
  }
}

const mostTexts = 200
const longestText = 200
