/**
 * Takes secrets out of a text: provisioning keys and admin tokens (their ids may stay, they are no secret), the value of an Authorization
 * header in headers, in JSON and in raw header lists, bearer tokens, access tokens wherever they stand, and what `hideSecret` was told. The words of advice (`Bearer <key>`, a bearer token) are none. Works on plain text as well as on JSON, also
 * JSON inside a JSON string, and leaves JSON parsable.
 */
export function redact(text: string): string {
  const shown = hidden.reduce(withoutSecret, text)
  if (!suspicious.test(shown)) return shown
  return shown
    .replace(provisioningKey, (_, environment: string, rest: string) => {
      const [, kid, more] = /^([0-9A-Za-z]{12})(_?)/.exec(rest) ?? []
      if (kid === rest) return `lk_${environment}_${rest}`
      return `lk_${environment}_${kid !== undefined && more !== '' ? `${kid}_` : ''}[redacted]`
    })
    .replace(adminToken, (_, rest: string) => {
      const [, id, more] = /^([0-9A-Za-z]{12})(_?)/.exec(rest) ?? []
      if (id === rest) return `lka_${rest}`
      return `lka_${id !== undefined && more !== '' ? `${id}_` : ''}[redacted]`
    })
    .replace(keyWithoutPrefix, '[redacted]')
    .replace(accessToken, '[redacted]')
    .replace(authorizationInJson, '$1[redacted]')
    .replace(authorizationInInnerJson, '$1[redacted]')
    .replace(authorizationInText, '$1[redacted]')
    .replace(bearerToken, '$1[redacted]')
}

interface HiddenSecret {
  readonly value: string
  readonly beginning: string
  readonly pattern: RegExp
}

const hidden: HiddenSecret[] = []
const telling = 16

/**
 * From now on `redact` also takes out this value, wherever somebody put it: as it is, percent-encoded or escaped for JSON, also
 * where it was cut off after its first 16 characters.
 */
export function hideSecret(value: string): void {
  if (hidden.some((secret) => secret.value === value)) return
  const characters = Array.from(value, anyForm)
  const beginning = characters.slice(0, telling).join('')
  const rest = characters.slice(telling).reduceRight((after, character) => `(?:${character}${after})?`, '')
  hidden.push({
    value,
    beginning: value.slice(0, telling),
    pattern: new RegExp(beginning + rest, 'g'),
  })
}

/** Of a character: itself, as JSON escapes it, and its bytes as a URL has them. */
function anyForm(character: string): string {
  const hex = [...Buffer.from(character)].map((byte) => byte.toString(16).padStart(2, '0'))
  const encoded = hex.map((digits) => `%${digits.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)}`)
  const plain = new Set([JSON.stringify(character).slice(1, -1), character])
  return `(?:${[...plain].map(literally).join('|')}|${encoded.join('')})`
}

/** A pattern of exactly this text. */
function literally(text: string): string {
  return text.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The pattern is slow beside a look for the beginning, or for a character that may be an encoded one. */
function withoutSecret(text: string, { beginning, pattern }: HiddenSecret): string {
  const may = text.includes(beginning) || text.includes('%') || text.includes('\\')
  return may ? text.replace(pattern, '[redacted]') : text
}

const longestExcerpt = 500

/** What a record keeps of a text that a client chose or that quotes one: no secret, and no more than 500 characters. */
export function excerpt(text: string): string {
  return redact(text).slice(0, longestExcerpt).toWellFormed()
}

const suspicious =
  /lk_(?:live|test)_|lka_|eyJ[\w-]*\.|authorization|bearer|(?<![0-9A-Za-z])[0-9A-Za-z]{43}_[0-9A-Za-z]{6}/i
const provisioningKey = /lk_(live|test)_([0-9A-Za-z_]+)/gi
const adminToken = /lka_([0-9A-Za-z_]+)/gi
/** Secret and checksum, where the beginning of a key was cut off. */
const keyWithoutPrefix = /(?<![0-9A-Za-z])[0-9A-Za-z]{43}_[0-9A-Za-z]{6}(?![0-9A-Za-z])/g
/** `"authorization":"..."` of an object and `"Authorization","..."` of a raw header list. */
const authorizationInJson = /(authorization"\s*[:,]\s*\[?\s*")(?:[^"\\]|\\.)*/gis
/** The same in JSON inside a JSON string: quotes with more backslashes than the outer ones belong to the value. */
const authorizationInInnerJson = /(authorization(\\+")\s*[:,]\s*\[?\s*\2)(?:[^"\\]|\\+(?!["\\])|(?!\2)\\+")*/gi
const authorizationInText = /(authorization['\s]*[:=]\s*['`]?)(?!\s*bearer <[a-z ]+>)[^"'`\\\r\n]+/gi
/** A signed JWT, which begins with the `{"` of its header. */
const accessToken = /(?<![\w-])eyJ[\w-]*\.[\w-]*\.[\w-]*/g
const bearerToken = /(bearer(?:\s|%20|\\t)+)(?!\[redacted\]|<[a-z ]+>|tokens?\b(?![-_~+/=]|\.\S))[^\s"'`\\,;]+/gi
