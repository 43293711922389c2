import { findSecrets, type Found, wholeLength } from '#libs/credentials/index'

export interface SecretInText {
  readonly found: Found
  /** Both from 1; in bytes other than 0, or in units of UTF-16. */
  readonly line: number
  readonly column: number
}

/** No key and no token is longer. */
const seam = wholeLength

/**
 * The keys and admin tokens in a text of any length, as its bytes come. What begins with the mark of UTF-16 is read as that; else one byte is one
 * character: they are ASCII, whatever stands around them. Bytes of 0 are passed over: between characters they are what is left of UTF-16 that has no
 * mark, as in the middle of a file.
 */
export async function* secretsInBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<SecretInText> {
  let decoder: TextDecoder | undefined
  let text = ''
  /** Of the first character of `text`. */
  const place = { line: 1, column: 1 }
  function* found(end: number): Generator<SecretInText> {
    for (const secret of findSecrets(text)) {
      if (secret.index >= end) continue
      yield { found: secret, ...after(place, text.slice(0, secret.index)) }
    }
  }
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(encodingOf(chunk))
    text += decoder.decode(chunk, { stream: true }).replaceAll('\0', '')
    const end = text.length - seam
    if (end <= 0) continue
    yield* found(end)
    Object.assign(place, after(place, text.slice(0, end)))
    text = text.slice(end)
  }
  yield* found(text.length)
}

function encodingOf([first, second]: Uint8Array): string {
  if (first === 0xff && second === 0xfe) return 'utf-16le'
  return first === 0xfe && second === 0xff ? 'utf-16be' : 'latin1'
}

function after({ line, column }: { line: number; column: number }, text: string): { line: number; column: number } {
  const last = text.lastIndexOf('\n')
  if (last === -1) return { line, column: column + text.length }
  let ends = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) ends++
  return { line: line + ends, column: text.length - last }
}
