const ascii = /^[ -~]*$/
const halfOrFullWidth = /[\u3000\uff01-\uffee]/g

/**
 * What two texts have in common when letter case does not count: the mapping of RFC 8265 section 3.3 (width, case, normal
 * form). `userName` is unique by it.
 */
export function fold(text: string): string {
  if (ascii.test(text)) return text.toLowerCase()
  return text
    .replace(halfOrFullWidth, (character) => character.normalize('NFKC'))
    .toLowerCase()
    .normalize('NFC')
}
