import { createHmac } from 'node:crypto'
import { isId } from '#libs/events/index'
import { ExactNumber, isObject, type JsonObject, type JsonValue, parseJson } from '#libs/scim/index'
import { isFilter, isPath, lastName, withValues } from './literals.ts'

/**
 * A request's values with other letters and digits in place of its own: it stays as odd as it was sent, and names nobody. One value has
 * one pseudonym within a connection, so that what referred to something still does; nobody can tell the value from it
 * who does not have the secret. Names of attributes, ids of ours, types, booleans and dates stay; of what is never returned nothing does.
 */
export class Pseudonyms {
  readonly #secret: Buffer
  readonly #connection: string
  readonly #neverReturned: ReadonlySet<string>

  /** `neverReturned` names attributes of the connection's own that are never returned, besides the password. */
  constructor(secret: Buffer, connection: string, neverReturned: Iterable<string> = []) {
    this.#secret = secret
    this.#connection = connection
    this.#neverReturned = new Set(['password', ...[...neverReturned].map(lastName)])
  }

  /** A body, whatever it holds. */
  body(value: JsonValue, key = ''): JsonValue {
    if (Array.isArray(value)) return value.map((element) => this.body(element, key))
    if (isObject(value)) return this.#object(value)
    const name = lastName(key)
    if (isKept(name, value)) return value
    if (typeof value === 'number') return Number(this.text(withoutExponent(String(value))))
    if (value instanceof ExactNumber) return new ExactNumber(this.text(withoutExponent(value.text)))
    if (typeof value !== 'string') return value
    if (this.#neverReturned.has(name)) return hidden
    if (name === 'bulkid') return this.#bulkId(value)
    if (name === 'path') return isAddress(value) ? this.address(value) : this.path(value)
    if (name === 'filter') return this.filter(value)
    return this.#insideString(value) ?? this.text(value)
  }

  /** A filter: the values in it alone. What is none is hidden as a whole. */
  filter(text: string): string {
    return isFilter(text) ? this.#values(text) : this.text(text)
  }

  /** The path of a PATCH operation, or a key that may be one: the values of its filter alone. What is none is hidden as a whole. */
  path(text: string): string {
    return isPath(text) ? this.#values(text) : this.text(text)
  }

  /** The value of a parameter of a query. */
  query(name: string, value: string): string {
    if (name === 'filter') return this.filter(value)
    return isKept(name.toLowerCase(), value) ? value : this.text(value)
  }

  /** Where a resource is: /Users/id. */
  address(path: string): string {
    const parts = path.split('/').map((part) => (isCollection(part) ? part : this.text(part)))
    return parts.join('/')
  }

  /** One value; a reference to a bulkId goes on referring to it. */
  text(value: string): string {
    const [, prefix, bulkId] = /^(bulkid:)(.+)$/is.exec(value) ?? []
    if (prefix !== undefined && bulkId !== undefined) return `${prefix}${this.#bulkId(bulkId)}`
    if (
      isOurId(value) ||
      /^(true|false|null|)$/i.test(value) ||
      /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(value)
    )
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

  /** Keys too may hold values: those of a PATCH value without a path are often paths themselves. */
  #object(object: JsonObject): JsonObject {
    const entries = Object.entries(object)
    const path = entries.find(([name]) => name.toLowerCase() === 'path')?.[1]
    return Object.fromEntries(
      entries.map(([name, content]) => {
        const about = name.toLowerCase() === 'value' && typeof path === 'string' ? path : name
        return [this.path(name), this.body(content, about)]
      }),
    )
  }

  #values(text: string): string {
    return withValues(text, (value, name) => {
      if (this.#neverReturned.has(name)) return hidden
      return isKept(name, value) ? value : this.text(value)
    })
  }

  /** Long enough that no two of one request are given the same. */
  #bulkId(bulkId: string): string {
    return this.text(bulkId.padEnd(shortestBulkId, 'x'))
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

const shortestBulkId = 12

/** The path of an operation of a bulk request, also where its first slash was forgotten. */
function isAddress(path: string): boolean {
  return path.startsWith('/') || isCollection(path.split('/')[0] ?? '')
}

function isCollection(part: string): boolean {
  return /^(users|groups|bulk|me|schemas|resourcetypes|serviceproviderconfig|\.search)$/i.test(part)
}

function withoutExponent(number: string): string {
  return number.replace(/e.*/i, '')
}

const hidden = 'password'

/** Made by us: of version 7 (RFC 9562). Any other may be what somebody is known by elsewhere. */
function isOurId(value: string): boolean {
  return isId(value) && value[14] === '7'
}

/** Whether the value says how something is meant, not who: by the attribute's name, and by the form that such values have. */
function isKept(name: string, value: unknown): boolean {
  const form = kept.get(name)
  return form !== undefined && (typeof value !== 'string' || form.test(value))
}

const word = /^[a-z][\w.-]{0,30}$/i
const number = /^-?\d{1,9}$/
/** Names of attributes, without values in brackets. */
const names = /^[\w.:$/%+~-]*(, ?[\w.:$/%+~-]*)*$/

const kept: ReadonlyMap<string, RegExp> = new Map([
  ['schemas', /^urn:[\w.:/%+~-]+$/i],
  ['op', word],
  ['type', word],
  ['primary', word],
  ['method', word],
  ['failonerrors', number],
  ['resourcetype', word],
  ['version', /^(W\/)?"?\d{1,9}"?$/],
  ['attributes', names],
  ['excludedattributes', names],
  ['sortby', names],
  ['sortorder', word],
  ['startindex', number],
  ['count', number],
])
