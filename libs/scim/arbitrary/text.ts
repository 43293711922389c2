import fc from 'fast-check'

/** Any code point, half surrogate pairs among them, and as often one of ASCII. */
export const anyCharacter: fc.Arbitrary<string> = fc
  .oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 0x10ffff }))
  .map((code) => String.fromCodePoint(code))

/** Short texts of any code points. The texts of fast-check itself take seconds to set up. */
export const anyCodePoints = fc.string({ unit: anyCharacter, maxLength: 12 })

/** The same, but without what is no text: half surrogate pairs and U+0000. */
export const soundText = anyCodePoints.map((text) => text.toWellFormed().replaceAll('\0', ''))
