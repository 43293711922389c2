import { findKeys, wholeLength } from '#libs/credentials/index'

export interface KeyInText {
  readonly environment: string
  readonly kid: string
  /** Both from 1; in bytes, or in units of UTF-16. */
  readonly line: number
  readonly column: number
}

/** A key is told from what only looks like one by the characters around it. */
const seam = wholeLength + 2

/**
 * The keys in a text of any length, as its bytes come. What begins with the mark of UTF-16 is read as that; else one byte is one character: a
 * key is ASCII, whatever stands around it.
 */
export async function* keysInBytes(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<KeyInText> {
  let decoder: TextDecoder | undefined
  let text = ''
  /** Place of the first character of `text`, and how many of its characters have been looked at as beginnings of a key. */
  const place = { line: 1, column: 1 }
  let seen = 0
  function* found(end: number): Generator<KeyInText> {
    for (const { key, index } of findKeys(text)) {
      if (index < seen || index >= end) continue
      yield { environment: key.environment, kid: key.kid, ...after(place, text.slice(0, index)) }
    }
  }
  for await (const chunk of chunks) {
    decoder ??= new TextDecoder(encodingOf(chunk))
    text += decoder.decode(chunk, { stream: true })
    const end = text.length - seam
    if (end <= seen) continue
    yield* found(end)
    // The character before is kept, since a key begins at the boundary of a word.
    Object.assign(place, after(place, text.slice(0, end - 1)))
    text = text.slice(end - 1)
    seen = 1
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
