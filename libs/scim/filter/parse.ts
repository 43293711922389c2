import { deviations } from '../deviation.ts'
import { Diagnosis } from '../diagnosis.ts'
import { errors } from '../error.ts'
import type { AttributePath, ComparisonOperator, Filter } from './filter.ts'
import { filterLimits } from './limits.ts'

/**
 * A filter of RFC 7644 section 3.4.2.2, that stands at `pointer`. Beyond its grammar string literals without quotes are taken and,
 * where the caller's dialect has it so, `emails[type eq "work"].value eq "x"`, which is read as one element that satisfies both.
 * Throws `invalidFilter`, or `tooMany` when there are more terms than `filterLimits` allows.
 */
export function parseFilter(text: string, found = new Diagnosis(), pointer = '?filter'): Filter {
  const reader = new FilterReader(text, 0, found, pointer)
  const filter = reader.readOr()
  reader.expectEnd()
  return filter
}

/**
 * A PATCH path of RFC 7644 section 3.5.2: an attribute path, or a value path with an optional sub-attribute. A path that is the
 * URN of an extension reads as its last word being the name. Throws `invalidPath`, and `invalidFilter` for the filter inside.
 */
export function parseAttributePath(
  text: string,
  found = new Diagnosis(),
  pointer = '',
): { path: AttributePath; filter?: Filter; sub?: string } {
  if (text.length > filterLimits.length) throw invalidPath()
  const open = text.indexOf('[')
  const path = splitPath(open === -1 ? text : text.slice(0, open))
  if (path === undefined) throw invalidPath()
  if (open === -1) return { path }
  if (path.sub !== undefined) throw invalidPath()
  const reader = new FilterReader(text, open + 1, found, pointer)
  const filter = reader.readOr()
  reader.expectClosingBracket()
  const rest = text.slice(reader.position)
  if (rest === '') return { path, filter }
  const sub = /^\.([A-Za-z$][\w$-]*)$/.exec(rest)?.[1]
  if (sub === undefined) throw invalidPath()
  return { path, filter, sub }
}

function invalidPath() {
  return errors.invalidPath(
    'The path of an operation is not an attribute path. Write it like "title", "name.givenName", emails[type eq "work"].value or urn:...:User:department.',
  )
}

const pathPattern = /^(?:([A-Za-z][\w.:/%+~#-]*):)?([A-Za-z$][\w$-]*)(?:\.([A-Za-z$][\w$-]*))?$/
const urnPattern = /^(urn:[\w.:/%+~#-]*):([\w.~-]+)$/i

function splitPath(text: string): AttributePath | undefined {
  const match = pathPattern.exec(text) ?? urnPattern.exec(text)
  if (match === null) return undefined
  const [, schema, name = '', sub] = match
  return { ...(schema === undefined ? {} : { schema }), name, ...(sub === undefined ? {} : { sub }) }
}

const operators: ReadonlySet<string> = new Set(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'])

function isOperator(word: string): word is ComparisonOperator {
  return operators.has(word)
}

class FilterReader {
  position: number
  readonly #text: string
  readonly #found: Diagnosis
  readonly #pointer: string
  #depth = 0
  #terms = 0

  constructor(text: string, position: number, found: Diagnosis, pointer: string) {
    if (text.length > filterLimits.length) {
      throw errors.invalidFilter(
        `The filter is longer than ${filterLimits.length} characters. Split it into several requests.`,
      )
    }
    if (!text.isWellFormed()) {
      throw errors.invalidFilter('The filter holds half a surrogate pair, which is no character. Remove it.')
    }
    this.#text = text
    this.#found = found
    this.#pointer = pointer
    this.position = position
  }

  readOr(): Filter {
    if (++this.#depth > filterLimits.depth) {
      throw this.#fault(`more than ${filterLimits.depth} parentheses or brackets lie in each other`, 'Write it flatter')
    }
    const first = this.#readAnd()
    const terms = [first]
    while (this.#takeWord('or')) terms.push(this.#readAnd())
    this.#depth--
    return terms.length === 1 ? first : { kind: 'or', terms }
  }

  expectEnd(): void {
    this.#skipSpace()
    if (this.position < this.#text.length) {
      throw this.#fault('something follows the end of the filter', 'Join terms with "and" or "or"')
    }
  }

  expectClosingBracket(): void {
    if (!this.#take(']')) throw this.#fault('"]" is missing', 'Close the bracket')
  }

  #readAnd(): Filter {
    const first = this.#readTerm()
    const terms = [first]
    while (this.#takeWord('and')) terms.push(this.#readTerm())
    return terms.length === 1 ? first : { kind: 'and', terms }
  }

  #readTerm(): Filter {
    if (this.#take('(')) return this.#readGroup()
    const start = this.position
    if (this.#takeWord('not')) {
      if (this.#take('(')) return { kind: 'not', term: this.#readGroup() }
      this.position = start
      throw this.#fault('"not" is not followed by "("', 'Put what it negates into parentheses')
    }
    return this.#readExpression()
  }

  #readGroup(): Filter {
    const filter = this.readOr()
    if (!this.#take(')')) throw this.#fault('")" is missing', 'Close the parenthesis')
    return filter
  }

  #readExpression(): Filter {
    const path = this.#readPath()
    if (this.#text.charAt(this.position) !== '[') return this.#readOperation(path)
    if (path.sub !== undefined) throw this.#fault('a sub-attribute stands before "["', 'Name the attribute alone')
    this.position++
    const filter = this.readOr()
    this.expectClosingBracket()
    if (this.#text.charAt(this.position) !== '.') return { kind: 'valuePath', path, filter }
    if (!this.#found.tolerances.comparedValuePaths) {
      throw this.#fault('something follows "]"', 'Put the comparison into the brackets')
    }
    this.#found.push(deviations.comparedValuePath(this.#pointer))
    this.position++
    const subPath = this.#readPath()
    const terms = [filter, this.#readOperation(subPath)]
    return { kind: 'valuePath', path, filter: { kind: 'and', terms } }
  }

  #readPath(): AttributePath {
    this.#skipSpace()
    const start = this.position
    while (this.position < this.#text.length && !' ()[]"\t\r\n'.includes(this.#text.charAt(this.position))) {
      this.position++
    }
    const path = splitPath(this.#text.slice(start, this.position))
    if (path === undefined) {
      this.position = start
      throw this.#fault('there is no attribute name', 'Write terms like userName eq "value"')
    }
    return path
  }

  #readOperation(path: AttributePath): Filter {
    if (++this.#terms > filterLimits.terms) {
      throw errors.tooMany(`The filter has more than ${filterLimits.terms} terms. Split it into several requests.`)
    }
    this.#skipSpace()
    const start = this.position
    const word = this.#readBareWord()
    const operator = word.toLowerCase()
    if (operator === 'pr') return { kind: 'present', path }
    if (isOperator(operator)) return { kind: 'compare', path, operator, value: this.#readValue() }
    this.position = start
    const known = 'Use eq, ne, co, sw, ew, gt, ge, lt, le or pr'
    if (word === '') throw this.#fault('the operator is missing', known)
    throw this.#fault('there is no operator', known)
  }

  #readValue(): string | number | boolean | null {
    this.#skipSpace()
    if (this.#text.charAt(this.position) === '"') return this.#readString()
    const word = this.#readBareWord()
    if (word === '') throw this.#fault('the value is missing', 'Write it in double quotes')
    if (word.includes('"') || word.startsWith("'")) {
      throw this.#fault('a value has misplaced quotes', 'Write it in double quotes')
    }
    const literal = word.toLowerCase()
    if (literal === 'true' || literal === 'false') return literal === 'true'
    if (literal === 'null') return null
    // A number only where nothing is lost: 007 and long digits stay as they were written.
    const number = Number(word)
    if (String(number) === word && Number.isFinite(number)) return number
    this.#found.push(deviations.unquotedLiteral(this.#pointer))
    return word
  }

  #readString(): string {
    const start = this.position
    let end = start + 1
    while (end < this.#text.length && this.#text.charAt(end) !== '"') end += this.#text.charAt(end) === '\\' ? 2 : 1
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, end + 1))
      // Half a surrogate pair is no character, and in no stored text.
      if (typeof value === 'string' && value.isWellFormed()) {
        this.position = end + 1
        return value
      }
    } catch {
      // Told below.
    }
    throw this.#fault('a string is not closed or holds a bad escape', 'Write strings as in JSON')
  }

  #readBareWord(): string {
    const start = this.position
    while (this.position < this.#text.length && !' ()[]\t\r\n'.includes(this.#text.charAt(this.position))) {
      this.position++
    }
    return this.#text.slice(start, this.position)
  }

  #skipSpace(): void {
    while (' \t\r\n'.includes(this.#text.charAt(this.position)) && this.position < this.#text.length) this.position++
  }

  #take(character: string): boolean {
    this.#skipSpace()
    if (this.#text.charAt(this.position) !== character) return false
    this.position++
    return true
  }

  #takeWord(word: string): boolean {
    this.#skipSpace()
    const end = this.position + word.length
    if (this.#text.slice(this.position, end).toLowerCase() !== word) return false
    if (end < this.#text.length && !' (\t\r\n'.includes(this.#text.charAt(end))) return false
    this.position = end
    return true
  }

  #fault(cause: string, fix: string) {
    return errors.invalidFilter(`At character ${this.position + 1} of the filter, ${cause}. ${fix}.`)
  }
}
