import { randomBytes } from 'node:crypto'

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The greatest multiple of 62 that a byte can hold: bytes from there on are thrown away, so that no digit is likelier than another. */
const fair = 248

/** Base62 digits, each independent and equally likely. */
export function randomDigits(length: number): string {
  let text = ''
  while (text.length < length) {
    for (const byte of randomBytes(length * 2)) {
      if (byte < fair && text.length < length) text += digits[byte % 62]
    }
  }
  return text
}

/** The number in base62, most significant digit first, filled up with zeros to `length`. A `number` is a safe integer. */
export function base62(value: bigint | number, length: number): string {
  let text = ''
  if (typeof value === 'number') {
    for (let rest = value; rest > 0; rest = Math.floor(rest / 62)) text = digits.charAt(rest % 62) + text
  } else {
    for (let rest = value; rest > 0n; rest /= 62n) text = digits.charAt(Number(rest % 62n)) + text
  }
  return text.padStart(length, '0')
}
