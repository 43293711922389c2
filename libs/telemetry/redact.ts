/**
 * Takes secrets out of a text: provisioning keys (the kid may stay, it is no secret), the value of an Authorization
 * header in headers, in JSON and in raw header lists, and bearer tokens. Works on plain text as well as on JSON, also
 * JSON inside a JSON string, and leaves JSON parsable.
 */
export function redact(text: string): string {
  if (!suspicious.test(text)) return text
  return text
    .replace(provisioningKey, (_, environment: string, rest: string) => {
      const [, kid, more] = /^([0-9A-Za-z]{12})(_?)/.exec(rest) ?? []
      if (kid === rest) return `lk_${environment}_${rest}`
      return `lk_${environment}_${kid !== undefined && more !== '' ? `${kid}_` : ''}[redacted]`
    })
    .replace(keyWithoutPrefix, '[redacted]')
    .replace(authorizationInJson, '$1[redacted]')
    .replace(authorizationInInnerJson, '$1[redacted]')
    .replace(authorizationInText, '$1[redacted]')
    .replace(bearerToken, '$1[redacted]')
}

const longestExcerpt = 500

/** What a record keeps of a text that a client chose or that quotes one: no secret, and no more than 500 characters. */
export function excerpt(text: string): string {
  return redact(text).slice(0, longestExcerpt).toWellFormed()
}

const suspicious = /lk_(?:live|test)_|authorization|bearer|(?<![0-9A-Za-z])[0-9A-Za-z]{43}_[0-9A-Za-z]{6}/i
const provisioningKey = /lk_(live|test)_([0-9A-Za-z_]+)/gi
/** Secret and checksum, where the beginning of a key was cut off. */
const keyWithoutPrefix = /(?<![0-9A-Za-z])[0-9A-Za-z]{43}_[0-9A-Za-z]{6}(?![0-9A-Za-z])/g
/** `"authorization":"..."` of an object and `"Authorization","..."` of a raw header list. */
const authorizationInJson = /(authorization"\s*[:,]\s*\[?\s*")(?:[^"\\]|\\.)*/gis
/** The same in JSON inside a JSON string: quotes with more backslashes than the outer ones belong to the value. */
const authorizationInInnerJson = /(authorization(\\+")\s*[:,]\s*\[?\s*\2)(?:[^"\\]|\\+(?!["\\])|(?!\2)\\+")*/gi
const authorizationInText = /(authorization['\s]*[:=]\s*['`]?)[^"'`\\\r\n]+/gi
const bearerToken = /(bearer(?:\s|%20|\\t)+)(?!\[redacted\])[^\s"'`\\,;]+/gi
