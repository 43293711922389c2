import fc from 'fast-check'
import { anyCharacter, runs } from '../arbitrary/index.ts'
import { fold, foldedCharacters } from './fold.ts'
import { ordinaryWidth } from './width.ts'

test('width, case and normal form make no difference', () => {
  for (const [one, other] of [
    ['ADA', 'ada'],
    ['ｗｉｄｅ＠Ｘ', 'wide@x'],
    ['ÄÖÜ', 'a\u0308o\u0308u\u0308'],
    ['\u212b\u2126\u212a', 'åωk'],
    ['ｶﾞ', 'ガ'],
    ['ﾡￂ￦', '\u3131\u314f₩'],
    ['\u3000', ' '],
    ['ΑΣ', 'ασ'],
    ['\u{10400}', '\u{10428}'],
    ['ǅ', 'ǆ'],
  ] as const) {
    expect(fold(one)).toBe(fold(other))
  }
})

test('what the profile keeps apart stays apart', () => {
  for (const [one, other] of [
    ['ß', 'ss'],
    ['ς', 'σ'],
    ['ı', 'i'],
    ['ﬁ', 'fi'],
    ['Ⅳ', 'iv'],
    ['²', '2'],
    ['і', 'i'],
  ] as const) {
    expect(fold(one)).not.toBe(fold(other))
  }
})

test('a letter folds alike wherever it stands, so that a part of a text is found in the whole', () => {
  expect(fold('ΟΔΟΣ')).toBe('οδοσ')
  expect(fold('ΟΔΟΣ ΑΒΓ').startsWith(fold('ΟΔΟΣ'))).toBe(true)
  expect(fold('İI')).toBe('i\u0307i')
})

test('every character of another width has the usual one that Unicode gives it', () => {
  for (let code = 0xff01; code <= 0xffee; code++) {
    const character = String.fromCodePoint(code)
    const usual = ordinaryWidth(character)
    expect(usual.normalize('NFKC')).toBe(character.normalize('NFKC'))
    expect(Array.from(usual)).toHaveLength(1)
    // Decompositions of halfwidth letters of Hangul lead to those of another block first.
    if (usual === character) expect(character).toMatch(/\p{Cn}/u)
  }
})

test('what is folded stays as it is when it is folded again', () => {
  for (const [one, other] of foldedCharacters()) expect(fold(fold(one))).toBe(other.normalize('NFC'))
  const unit = fc.oneof(fc.constantFrom(...foldedCharacters().keys(), '\u0307', '\u0345', '\u0301'), anyCharacter)
  const text = fc.string({ unit, maxLength: 8 })
  fc.assert(
    fc.property(text, (given) => expect(fold(fold(given))).toBe(fold(given))),
    runs(500),
  )
})
