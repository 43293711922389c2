/**
 * A number that a double cannot hold as it was written: too many digits, too large, with an exponent or a fraction of zeros.
 * JSON.stringify writes it as it stands here. Every other number is a JavaScript number.
 */
export class ExactNumber {
  /** A number as RFC 8259 section 6 has it. */
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toString(): string {
    return this.text
  }

  toJSON(): unknown {
    return JSON.rawJSON(this.text)
  }
}

declare global {
  interface JSON {
    /** ECMAScript 2026: what JSON.stringify writes as the text that it was made of. */
    rawJSON(text: string): unknown
  }
}

/** How long a number may be when it is written out, without an exponent: far more than Postgres and a double need, far less than hurts. */
export const longestNumber = 1_000

/**
 * The one form of a number's value: a JavaScript number where that writes the value in full, else an `ExactNumber` of its
 * digits without exponent and needless zeros. Undefined for what is no JSON number, and for one longer than `longestNumber`.
 */
export function exactNumber(text: string): number | ExactNumber | undefined {
  const decimal = readDecimal(text)
  if (decimal === undefined) return undefined
  const plain = writeDecimal(decimal)
  const number = Number(plain)
  return String(number) === plain ? number : new ExactNumber(plain)
}

/** Below 0, 0 or above 0 as the first number is smaller than the second, the same or larger. */
export function compareNumbers(left: number | ExactNumber, right: number | ExactNumber): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right
  const [one, other] = [readDecimal(String(left)), readDecimal(String(right))]
  if (one === undefined || other === undefined) return Number(left) - Number(right)
  const power = Math.min(one.power, other.power)
  const difference = scaled(one, power) - scaled(other, power)
  return difference === 0n ? 0 : difference < 0n ? -1 : 1
}

/** digits * 10 ** power; the digits neither begin nor end with 0, and are '0' for 0 itself. */
interface Decimal {
  readonly negative: boolean
  readonly digits: string
  readonly power: number
}

const pattern = /^(-?)(0|[1-9]\d*)(?:\.(\d+))?(?:[eE]([+-]?\d{1,9}))?$/

function readDecimal(text: string): Decimal | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = withoutZeros(`${whole}${fraction}`, 'start')
  const significant = withoutZeros(digits, 'end')
  if (significant === '') return { negative: false, digits: '0', power: 0 }
  const power = Number(exponent) - fraction.length + digits.length - significant.length
  const tooLong = Math.max(significant.length + power, significant.length, -power) > longestNumber
  return tooLong ? undefined : { negative: sign === '-', digits: significant, power }
}

function withoutZeros(digits: string, at: 'start' | 'end'): string {
  let [start, end] = [0, digits.length]
  if (at === 'start') while (start < end && digits.charAt(start) === '0') start++
  else while (end > start && digits.charAt(end - 1) === '0') end--
  return digits.slice(start, end)
}

function writeDecimal({ negative, digits, power }: Decimal): string {
  const sign = negative ? '-' : ''
  if (power >= 0) return `${sign}${digits}${'0'.repeat(power)}`
  const padded = digits.padStart(1 - power, '0')
  return `${sign}${padded.slice(0, power)}.${padded.slice(power)}`
}

function scaled({ negative, digits, power }: Decimal, to: number): bigint {
  const magnitude = BigInt(digits) * 10n ** BigInt(power - to)
  return negative ? -magnitude : magnitude
}
