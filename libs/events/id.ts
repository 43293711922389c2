import { getRandomValues } from 'node:crypto'

const random = new Uint8Array(4096)
let used = random.length
let lastMillisecond = 0
let sequence = 0

/**
 * A UUID version 7 (RFC 9562 section 5.7): ids made later in this process sort after earlier ones,
 * so that new rows land at the right edge of an index. 62 of its bits are random.
 */
export function newId(now: number = Date.now()): string {
  if (now > lastMillisecond) {
    lastMillisecond = now
    sequence = 0
  } else if (++sequence > 0xfff) {
    lastMillisecond++
    sequence = 0
  }
  if (used + 8 > random.length) {
    getRandomValues(random)
    used = 0
  }
  let tail = ''
  for (let index = 0; index < 8; index++) {
    const byte = random[used++] ?? 0
    tail += hex[index === 0 ? (byte & 0x3f) | 0x80 : byte]
  }
  const time = lastMillisecond.toString(16).padStart(12, '0')
  const count = sequence.toString(16).padStart(3, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${count}-${tail.slice(0, 4)}-${tail.slice(4)}`
}

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Whether a text is written as ids are, so that a database can be asked for it: a UUID of any version, in lower case. Ids are compared case for case. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
}
