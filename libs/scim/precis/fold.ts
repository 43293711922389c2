import { ordinaryWidth } from './width.ts'

const ascii = /^[ -~]*$/

/**
 * What two texts have in common when letter case does not count: the width, case and normalization rules of RFC 8265 section
 * 3.3. Case is mapped one code point at a time, so that a part of a text folds as it does in the whole.
 */
export function fold(text: string): string {
  return ascii.test(text) ? text.toLowerCase() : text.replace(changing, changed).normalize('NFC')
}

/** Every character that `fold` changes before it normalizes, in order, and what it becomes. Beyond the second plane there are no letters with case. */
export function foldedCharacters(): Map<string, string> {
  const all = Array.from({ length: 0x20000 }, (_, code) => String.fromCodePoint(code)).join(' ')
  const pairs = [...all.matchAll(changing)].map(([character]) => [character, changed(character)] as const)
  return new Map(pairs.filter(([one, other]) => one !== other))
}

const changing = /[\u3000\uff01-\uffee]|\p{Changes_When_Lowercased}/gu

function changed(character: string): string {
  return ordinaryWidth(character).toLowerCase()
}
