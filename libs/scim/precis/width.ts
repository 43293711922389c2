/** Code points of another width than usual, with the decomposition that the Unicode Standard gives each: runs of both, side by side. */
const runs: readonly (readonly [from: number, to: string])[] = [
  [0x3000, ' '],
  [0xff01, consecutive(0x21, 0x7e)],
  [0xff5f, '\u2985\u2986'],
  [
    0xff61,
    '。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン\u3099\u309a',
  ],
  [0xffa0, `\u3164${consecutive(0x3131, 0x314e)}`],
  [0xffc2, consecutive(0x314f, 0x3154)],
  [0xffca, consecutive(0x3155, 0x315a)],
  [0xffd2, consecutive(0x315b, 0x3160)],
  [0xffda, consecutive(0x3161, 0x3163)],
  [0xffe0, '¢£¬¯¦¥₩'],
  [0xffe8, '│←↑→↓■○'],
]

const usual: ReadonlyMap<string, string> = new Map(
  runs.flatMap(([from, to]) =>
    Array.from(to).map((target, index) => [String.fromCodePoint(from + index), target] as const),
  ),
)

/** The same character in its usual width; itself where it has no other. */
export function ordinaryWidth(character: string): string {
  return usual.get(character) ?? character
}

function consecutive(first: number, last: number): string {
  return Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index)).join('')
}
