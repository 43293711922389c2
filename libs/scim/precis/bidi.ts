/**
 * Whether a text breaks the Bidi Rule of RFC 5893 section 2 in one of its parts between spaces, "@" and ".": the rule is made for
 * one label, and an address of several may have them in scripts of both directions.
 */
export function brokenBidiRule(text: string): boolean {
  if (!rightToLeft.test(text) && !arabicDigit.test(text)) return false
  return text.split(/[\p{Zs}@.]+/u).some((part) => breaks(Array.from(part).map(bidiClass).join('')))
}

/** R for R and AL, L, A for AN, E for EN, M for NSM, N for every other. */
type BidiClass = 'R' | 'L' | 'A' | 'E' | 'M' | 'N'

function breaks(classes: string): boolean {
  const hasBoth = /A/.test(classes) && /E/.test(classes)
  if (/R/.test(classes)) return hasBoth || !/^R[RAEMN]*$/.test(classes) || !/[RAE]M*$/.test(classes)
  return hasBoth || (/A/.test(classes) && /L/.test(classes))
}

function bidiClass(character: string): BidiClass {
  if (/[\p{Mn}\p{Me}]/u.test(character)) return 'M'
  if (arabicDigit.test(character)) return 'A'
  if (/[0-9\u06f0-\u06f9]/.test(character)) return 'E'
  if (!/[\p{L}\p{N}\p{Mc}]/u.test(character)) return 'N'
  return rightToLeft.test(character) ? 'R' : 'L'
}

/** The blocks whose letters are written from the right, assigned or not. */
const rightToLeft = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u
const arabicDigit = /[\u0660-\u0669\u066b\u066c\u{10d30}-\u{10d39}\u{10d40}-\u{10d49}\u{10e60}-\u{10e7e}]/u
