/**
 * The order of two texts by code point, negative when the first comes first. Comparing strings with `<` goes by UTF-16 code unit, which puts
 * characters beyond U+FFFF before U+E000 to U+FFFF.
 */
export function compareCodePoints(one: string, other: string): number {
  if (one === other) return 0
  const length = Math.min(one.length, other.length)
  for (let at = 0; at < length; at++) {
    const difference = place(one.charCodeAt(at)) - place(other.charCodeAt(at))
    if (difference !== 0) return difference
  }
  return one.length - other.length
}

/** Surrogates stand for the highest code points. */
function place(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
