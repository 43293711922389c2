import { brokenBidiRule } from './bidi.ts'
import { fold } from './fold.ts'

/**
 * A userName as names are compared: RFC 8265 section 3.4, profile UsernameCaseMapped. Every space is U+0020, one between two
 * words, and none stands around them.
 */
export function enforceUserName(text: string): string {
  return foldPart(text).trim()
}

/** A part of a userName as it stands in one that was enforced, for what a filter seeks within names. */
export function foldPart(text: string): string {
  return fold(text).replace(/\p{Zs}+/gu, ' ')
}

/**
 * Why a text cannot be a userName, as the end of a sentence about it, and what to do; undefined when it can. Of what the profile
 * disallows that is what cannot be seen, or hides in what order the name is written; symbols and compatibility characters
 * of every kind are taken.
 */
export function userNameFault(text: string): { readonly cause: string; readonly fix: string } | undefined {
  if (/^[ -~]*$/.test(text)) return undefined
  const [unseen] = unseenCharacter.exec(text) ?? []
  if (unseen !== undefined) return { cause: `holds ${codePoint(unseen)}, which nobody sees`, fix: 'Remove it' }
  const [joiner] = joinerOutOfPlace.exec(text) ?? []
  if (joiner !== undefined) return { cause: `holds ${codePoint(joiner)}, which joins nothing there`, fix: 'Remove it' }
  if (brokenBidiRule(text)) {
    return {
      cause: 'mixes scripts written from the right with others, or digits of several kinds, within one word',
      fix: 'Write each word, and each part of an address, in one direction',
    }
  }
  return undefined
}

/** Controls, unassigned and private code points, half surrogate pairs, separators of lines, and what is by nature invisible, but for joiners. */
const unseenCharacter = /(?![\u200c\u200d])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** Signs that take away the vowel of the letter before them, so that it joins the next. */
const virama =
  '[\\u094d\\u09cd\\u0a4d\\u0acd\\u0b4d\\u0bcd\\u0c4d\\u0ccd\\u0d3b\\u0d3c\\u0d4d\\u0dca\\u0e3a\\u0eba\\u0f84\\u1039\\u103a\\u1714\\u1715\\u1734\\u17d2\\u1a60\\u1b44\\u1baa\\u1bab\\u1bf2\\u1bf3\\u2d7f\\ua806\\ua82c\\ua8c4\\ua953\\ua9c0\\uaaf6\\uabed]'

/**
 * RFC 5892 appendix A.1 and A.2: joiners belong after a virama, and the one that parts also between letters that would join.
 * Joining types are no property of regular expressions: every Arabic letter counts.
 */
const joinerOutOfPlace = new RegExp(
  `(?<!${virama})(?:\\u200d|(?<!\\p{Script=Arabic}\\p{Mn}*)\\u200c|\\u200c(?!\\p{Mn}*\\p{Script=Arabic}))`,
  'u',
)

function codePoint(character: string): string {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
}
