import { createHmac } from 'node:crypto'
import { ExactNumber, isObject, type JsonValue, parseJson } from '#libs/scim/index'
import { isId } from './record.ts'

/**
 * A request's values with other letters and digits in place of its own: it stays as odd as it was sent, and names nobody. One value has
 * one pseudonym within a connection, so that what referred to something still does; nobody can tell the value from it
 * who does not have the secret. Names of attributes, ids of ours, types, booleans and dates stay.
 */
export class Pseudonyms {
  readonly #secret: Buffer
  readonly #connection: string

  constructor(secret: Buffer, connection: string) {
    this.#secret = secret
    this.#connection = connection
  }

  /** A body, whatever it holds. */
  body(value: JsonValue, key = ''): JsonValue {
    if (Array.isArray(value)) return value.map((element) => this.body(element, key))
    if (isObject(value)) {
      return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, this.body(content, name)]))
    }
    const name = key.slice(Math.max(key.lastIndexOf(':'), key.lastIndexOf('.')) + 1).toLowerCase()
    if (kept.has(name)) return value
    if (typeof value === 'number') return Number(this.text(String(value)))
    if (value instanceof ExactNumber) return new ExactNumber(this.text(value.text.replace(/e.*/i, '')))
    if (typeof value !== 'string') return value
    if (name === 'password') return 'password'
    if (name === 'path' && value.startsWith('/')) return this.#address(value)
    if (name === 'path' || name === 'filter') return this.filter(value)
    return this.#insideString(value) ?? this.text(value)
  }

  /** A filter, or a path that may hold one: its values alone. */
  filter(text: string): string {
    return text
      .replace(/"((?:[^"\\]|\\.)*)"/g, (_, inside: string) => `"${this.text(inside)}"`)
      .replace(
        /(\s(?:eq|ne|co|sw|ew|gt|ge|lt|le)\s+)([^\s"()[\]]+)/gi,
        (_, before: string, value: string) => before + this.text(value),
      )
  }

  /** One value; a reference to a bulkId goes on referring to it. */
  text(value: string): string {
    const [, prefix, bulkId] = /^(bulkid:)(.+)$/is.exec(value) ?? []
    if (prefix !== undefined && bulkId !== undefined) return `${prefix}${this.text(bulkId)}`
    if (isId(value) || /^(true|false|null|)$/i.test(value) || /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value))
      return value
    let stream = Buffer.alloc(0)
    let used = 0
    let blocks = 0
    const next = (): number => {
      if (used === stream.length) {
        stream = createHmac('sha256', this.#secret)
          .update(JSON.stringify([this.#connection, value, blocks++]))
          .digest()
        used = 0
      }
      return stream[used++] ?? 0
    }
    return value.replace(/\p{L}|\p{N}/gu, (character) => {
      if (/\p{N}/u.test(character)) return String(1 + (next() % 9))
      const letter = String.fromCharCode(97 + (next() % 26))
      return character === character.toLowerCase() ? letter : letter.toUpperCase()
    })
  }

  /** The path of an operation of a bulk request: /Users/id. */
  #address(path: string): string {
    const [, collection = '', ...rest] = path.split('/')
    return `/${[collection, ...rest.map((part) => this.text(part))].join('/')}`
  }

  /** Some clients send an element as JSON in a string. */
  #insideString(value: string): string | undefined {
    if (!/^\s*[[{]/.test(value)) return undefined
    try {
      return JSON.stringify(this.body(parseJson(value)))
    } catch {
      return undefined
    }
  }
}

/** Attributes whose values say how something is meant, not who. */
const kept: ReadonlySet<string> = new Set([
  'schemas',
  'op',
  'type',
  'primary',
  'method',
  'failonerrors',
  'resourcetype',
  'version',
  'attributes',
  'excludedattributes',
  'sortby',
  'sortorder',
])
