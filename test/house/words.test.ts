import { spawnSync } from 'node:child_process'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.ts'

/** What no tracked file may hold: split here, so that this file does not either. */
const forbidden = [
  ['a path of somebody’s machine', /(?<![\w.])\/(work|home\/\w+)\//],
  [
    'the address of a package registry',
    new RegExp(['registry\\.npm', 'js\\.org|registry\\.yarn', 'pkg\\.com'].join('')),
  ],
  ['a resolved address in a lock file', new RegExp(['"resol', 'ved": "http'].join(''))],
] as const

test('tracked files name no machine, no registry and no download address', () => {
  const { stdout } = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  })
  const files = stdout
    .split('\0')
    .filter((file) => file !== '' && (statSync(join(root, file), { throwIfNoEntry: false })?.isFile() ?? false))
  expect(files.length).toBeGreaterThan(20)
  const found = files.flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    return forbidden.filter(([, pattern]) => pattern.test(text)).map(([what]) => `${file}: ${what}`)
  })
  expect(found).toEqual([])
})
