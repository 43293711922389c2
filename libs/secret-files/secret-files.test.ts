import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeSecretFile, readSecretFile, readSecretOnce, reserveSecretFile } from './index.ts'
import { allowedMode } from './read.ts'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-secret-files-'))
  path = join(folder, 'peppers')
})
afterEach(() => rmSync(folder, { recursive: true }))

const mode = (file: string) => statSync(file).mode & 0o777

describe('a secret file that is made', () => {
  test('is for its owner alone, of one line, with nothing beside it', () => {
    expect(makeSecretFile(path, () => 'mine')).toBe('mine')
    expect([mode(path), readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual([0o600, 'mine\n', ['peppers']])
  })

  test('is not made again, nor a secret for it, where there is one', () => {
    makeSecretFile(path, () => 'mine')
    const another = () => {
      throw new Error('asked for another')
    }
    expect(makeSecretFile(path, another)).toBe('mine')
  })

  test('holds what another program wrote that was quicker, and so is used by both', () => {
    const slow = () => {
      makeSecretFile(path, () => 'of the quicker one')
      return 'mine'
    }
    expect(makeSecretFile(path, slow)).toBe('of the quicker one')
    expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual(['of the quicker one\n', ['peppers']])
  })

  test('leaves alone what a program with the same process id, in another container, is writing beside it', () => {
    const draft = `${path}.${process.pid}`
    writeFileSync(draft, 'of another')
    makeSecretFile(path, () => 'mine')
    expect([readFileSync(path, 'utf8'), readFileSync(draft, 'utf8')]).toEqual(['mine\n', 'of another'])
  })

  test('is there, and used, where its folder cannot be synced', () => {
    const open = join(folder, 'writable alone')
    mkdirSync(open)
    const made = asPlainUser(open, () => {
      chmodSync(open, 0o300)
      return [makeSecretFile(join(open, 'kek'), () => 'mine'), reserveSecretFile(join(open, 'key.json')).write('kept')]
    })
    expect([made[0], readFileSync(join(open, 'kek'), 'utf8')]).toEqual(['mine', 'mine\n'])
    expect(readFileSync(join(open, 'key.json'), 'utf8')).toBe('kept')
  })

  test('that cannot be is told with the reason, and its secret is not', () => {
    const make = () => makeSecretFile(join(folder, 'nowhere', 'kek'), () => 'mine')
    expect(make).toThrow(expect.objectContaining({ fault: 'unmakeable', code: 'ENOENT' }))
    expect(make).not.toThrow('mine')
  })
})

describe('a secret file that is reserved', () => {
  test('is empty and its owner’s until it is written, and is not written over', () => {
    const file = reserveSecretFile(path)
    expect([mode(path), readFileSync(path, 'utf8')]).toEqual([0o600, ''])
    expect(() => reserveSecretFile(path)).toThrow(expect.objectContaining({ fault: 'unmakeable', code: 'EEXIST' }))
    file.write('kept')
    expect(readFileSync(path, 'utf8')).toBe('kept')
  })

  test('is gone when it is discarded, written or not', () => {
    reserveSecretFile(path).discard()
    const written = reserveSecretFile(path)
    written.write('kept')
    written.discard()
    expect(readdirSync(folder)).toEqual([])
  })
})

describe('a secret file that is read', () => {
  test('is given without the space around it, and one that is missing as such', () => {
    writeFileSync(path, ' mine \n', { mode: 0o400 })
    expect([readSecretFile(path), readSecretFile(join(folder, 'missing'))]).toEqual(['mine', undefined])
  })

  test.each(['600', '400', '700', '500'])('is given with mode %s: that is its owner’s alone', (own) => {
    writeFileSync(path, 'mine')
    chmodSync(path, own)
    expect([readSecretFile(path), makeSecretFile(path, () => 'another')]).toEqual(['mine', 'mine'])
  })

  test.each(['640', '620', '604', '644', '666', '750', '701'])('is refused with mode %s, and the fix told', (open) => {
    writeFileSync(path, 'mine')
    chmodSync(path, open)
    for (const use of [() => readSecretFile(path), () => makeSecretFile(path, () => 'another')]) {
      expect(use).toThrow(
        expect.objectContaining({
          fault: 'readable-by-others',
          message: expect.stringMatching(
            new RegExp(`by its mount \\(docs/secrets\\.md\\), otherwise chmod 600 ${path}$`),
          ),
        }),
      )
      expect(use).not.toThrow('mine')
    }
  })

  test('may be read by its group where it is root’s and we are not: so are secrets mounted', () => {
    expect([allowedMode(0, 1000), allowedMode(0, 0), allowedMode(1000, 1000), allowedMode(1000, 0)]).toEqual([
      0o640, 0o600, 0o600, 0o600,
    ])
  })

  test('is a file, not a folder', () => {
    mkdirSync(path, { mode: 0o700 })
    expect(() => readSecretFile(path)).toThrow(expect.objectContaining({ fault: 'not-a-file' }))
  })

  test('is no pipe, which holds what it holds once: that is refused without waiting for a writer', async () => {
    execFileSync('mkfifo', ['-m', '600', path])
    const writer = writerInto(path)
    for (const use of [() => readSecretFile(path), () => makeSecretFile(path, () => 'another')]) {
      expect(use).toThrow(expect.objectContaining({ fault: 'not-a-file' }))
    }
    await writer.end()
  })

  test('may come through a pipe where it is read once', async () => {
    execFileSync('mkfifo', ['-m', '600', path])
    const writer = writerInto(path)
    expect(readSecretOnce(path)).toBe('mine')
    await writer.end()
  })
})

/** Writes the secret into the pipe once somebody reads, so that nobody who does waits for ever. */
function writerInto(pipe: string) {
  const child = spawn('sh', ['-c', 'trap "" PIPE; printf mine > "$0"', pipe], { stdio: 'ignore' })
  const gone = once(child, 'exit')
  return {
    async end() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** As whoever runs the tests; where that is root, who may read every folder, as somebody else who is given this one. */
function asPlainUser<T>(own: string, act: () => T): T {
  const nobody = 65_534
  if (process.geteuid?.() !== 0) return act()
  chmodSync(folder, 0o711)
  chownSync(own, nobody, nobody)
  process.seteuid?.(nobody)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
  }
}
