import { errors } from './error.ts'
import type { ScimError } from './error.ts'
import { ExactNumber, exactNumber } from './exact-number.ts'

export type JsonValue = string | number | ExactNumber | boolean | null | JsonValue[] | JsonObject
export interface JsonObject {
  [key: string]: JsonValue
}

/** How deep arrays and objects may lie in each other. */
export const maximumDepth = 32

/**
 * A JSON text as a value. A number that a JavaScript number would not give back as it was written is an `ExactNumber`. Throws
 * `invalidSyntax`, naming the place and never quoting the text, when it is no JSON, is deeper than `maximumDepth`, or names a
 * key of one object twice (RFC 8259 leaves open which of the two counts).
 */
export function parseJson(text: string): JsonValue {
  const { depth, keys, unusualNumber } = measure(text)
  if (depth > maximumDepth) throw findFault(text)
  let value: JsonValue
  try {
    value = JSON.parse(text) as JsonValue
  } catch {
    throw findFault(text)
  }
  if (keys !== countKeys(value)) throw findFault(text)
  return unusualNumber ? parseNumbers(text, (source) => new ExactNumber(source)) : value
}

/** A document that was stored as JSON, its numbers in the form that `exactNumber` gives them. Throws SyntaxError when it is none. */
export function parseStored(text: string): JsonValue {
  return longNumber.test(text) ? parseNumbers(text, exactNumber) : (JSON.parse(text) as JsonValue)
}

/** No shorter one is stored unless it is a number that a double gives back. What only looks like one, in a string, costs time alone. */
const longNumber = /[\d.]{16}|0\.0{6}/

/** Slower than JSON.parse alone, so only for texts with numbers that need it. */
function parseNumbers(text: string, read: (source: string) => JsonValue | undefined): JsonValue {
  const parse = JSON.parse as (text: string, reviver: Reviver) => unknown
  return parse(text, (_key, value, { source }) => {
    const isExact = typeof value !== 'number' || source === undefined || String(value) === source || source === '-0'
    return isExact ? value : (read(source) ?? value)
  }) as JsonValue
}

/** ECMAScript 2026 tells the reviver how a number was written. */
type Reviver = (key: string, value: JsonValue, context: { readonly source?: string }) => JsonValue

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber)
}

const quote = 34
const digitZero = 48
const digitNine = 57
const colon = 58
const openBracket = 91
const backslash = 92
const closeBracket = 93
const openBrace = 123
const closeBrace = 125

/**
 * Of a text, if it is JSON: its depth, or one that is too deep; the number of its keys, duplicates included; and whether it holds
 * a number that is long, or has a fraction or an exponent.
 */
function measure(text: string): { depth: number; keys: number; unusualNumber: boolean } {
  let depth = 0
  let deepest = 0
  let keys = 0
  let unusualNumber = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === quote) at = endOfString(text, at)
    else if (code === colon) keys++
    else if (code === openBrace || code === openBracket) {
      deepest = Math.max(deepest, ++depth)
      if (deepest > maximumDepth) break
    } else if (code === closeBrace || code === closeBracket) depth--
    else if (code >= digitZero && code <= digitNine) {
      const start = at
      while (isOfNumber(text.charCodeAt(at + 1))) at++
      unusualNumber ||= at - start >= fewDigits || !/^\d+$/.test(text.slice(start, at + 1))
    }
  }
  return { depth: deepest, keys, unusualNumber }
}

/** Every whole number of so many digits is a double. */
const fewDigits = 15

/** Digits, `.`, `+`, `-`, `e` and `E`. */
function isOfNumber(code: number): boolean {
  return (
    (code >= digitZero && code <= digitNine) || code === 46 || code === 43 || code === 45 || code === 101 || code === 69
  )
}

function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1)
  while (end !== -1) {
    let backslashes = 0
    while (text.charCodeAt(end - 1 - backslashes) === backslash) backslashes++
    if (backslashes % 2 === 0) return end
    end = text.indexOf('"', end + 1)
  }
  return text.length
}

function countKeys(value: JsonValue): number {
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return 0
  const children = Object.values(value)
  let keys = Array.isArray(value) ? 0 : children.length
  for (const child of children) if (typeof child !== 'string') keys += countKeys(child)
  return keys
}

const token = /[ \t\r\n]*(?:([{}[\]:,"])|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)|$)/y

type Expected = 'value' | 'firstValue' | 'key' | 'firstKey' | 'colon' | 'comma' | 'end'

const names: Record<Expected, string> = {
  value: 'a value',
  firstValue: 'a value or "]"',
  key: 'a key in double quotes',
  firstKey: 'a key in double quotes or "}"',
  colon: 'a colon',
  comma: 'a comma or the closing bracket',
  end: 'the end of the text',
}

/** Reads a text slowly, token by token, to tell what is wrong with it and where. */
function findFault(text: string): ScimError {
  if (text.trim() === '') return errors.invalidSyntax('The body is empty. Send one JSON object.')
  const open: ('array' | Set<string>)[] = []
  let expected: Expected = 'value'
  token.lastIndex = 0
  for (;;) {
    const start = skipSpace(text, token.lastIndex)
    const [, mark, literal] = token.exec(text) ?? []
    const innermost = open.at(-1)
    const wantsValue: boolean = expected === 'value' || expected === 'firstValue'
    const wantsKey: boolean = expected === 'key' || expected === 'firstKey'
    if (mark === '"' && (wantsValue || wantsKey)) {
      const end = endOfString(text, start) + 1
      const content = readString(text.slice(start, end))
      if (content === undefined) {
        return fault(text, start, 'a string is not closed, or holds a bad escape or a control character', 'Escape it')
      }
      if (wantsKey && innermost instanceof Set) {
        if (innermost.has(content)) return fault(text, start, 'a key stands twice in one object', 'Send each key once')
        innermost.add(content)
      }
      token.lastIndex = end
      expected = wantsKey ? 'colon' : afterValue(open)
    } else if (literal !== undefined && wantsValue) {
      expected = afterValue(open)
    } else if ((mark === '{' || mark === '[') && wantsValue) {
      if (open.length === maximumDepth) {
        return fault(text, start, `more than ${maximumDepth} arrays and objects lie in each other`, 'Send it flatter')
      }
      open.push(mark === '[' ? 'array' : new Set())
      expected = mark === '[' ? 'firstValue' : 'firstKey'
    } else if (mark === ':' && expected === 'colon') {
      expected = 'value'
    } else if (mark === ',' && expected === 'comma') {
      expected = innermost === 'array' ? 'value' : 'key'
    } else if (
      closes(mark, innermost) &&
      (expected === 'comma' || expected === 'firstKey' || expected === 'firstValue')
    ) {
      open.pop()
      expected = afterValue(open)
    } else {
      const found = start >= text.length ? 'the text ends' : 'something else stands'
      return fault(text, start, `${found} where ${names[expected]} should be`, 'Send valid JSON')
    }
  }
}

function afterValue(open: readonly unknown[]): Expected {
  return open.length === 0 ? 'end' : 'comma'
}

function closes(mark: string | undefined, innermost: 'array' | Set<string> | undefined): boolean {
  return mark === ']' ? innermost === 'array' : mark === '}' && innermost instanceof Set
}

function readString(text: string): string | undefined {
  try {
    const content: unknown = JSON.parse(text)
    return typeof content === 'string' ? content : undefined
  } catch {
    return undefined
  }
}

function skipSpace(text: string, from: number): number {
  let at = from
  while (at < text.length && ' \t\r\n'.includes(text.charAt(at))) at++
  return at
}

function fault(text: string, at: number, cause: string, fix: string): ScimError {
  const before = text.slice(0, at)
  const line = before.split('\n').length
  const column = at - before.lastIndexOf('\n')
  return errors.invalidSyntax(`The body is not acceptable JSON: at line ${line}, column ${column}, ${cause}. ${fix}.`)
}
