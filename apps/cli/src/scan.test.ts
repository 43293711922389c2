import { execFile } from 'node:child_process'
import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mintAdminToken, mintKey } from '#libs/credentials/index'
import { adminServer } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

describe('scan', () => {
  const leaked = mintKey('live')
  const token = mintAdminToken()

  test('finds keys in files, folders and links, names where they are, never shows them, and ends with 1', async () => {
    await mkdir(join(server.folder, 'deep/er'), { recursive: true })
    await mkdir(join(server.folder, '.git'))
    await writeFile(join(server.folder, 'deep/er/.env'), `é=1\nKEY="${leaked.text}"\n`)
    await writeFile(
      join(server.folder, 'deep/changed'),
      leaked.text.slice(0, -1) + (leaked.text.endsWith('0') ? '1' : '0'),
    )
    await writeFile(join(server.folder, 'deep/admin-token'), token.text)
    await writeFile(join(server.folder, '.git/HEAD'), leaked.text)
    await symlink(`../${leaked.text}`, join(server.folder, 'deep/link'))
    const { code, out, err } = await latchkey(['scan', '.'], {})
    expect(code).toBe(1)
    expect(out.trimEnd().split('\n')).toEqual([
      `deep/admin-token:1:1: an admin token, id ${token.id}`,
      `deep/er/.env:2:6: a live key, kid ${leaked.kid}`,
      `deep/link:1:4: a live key, kid ${leaked.kid}`,
    ])
    expect(err).toContain('2 keys and an admin token were found. Revoke each')
    for (const { secret } of [leaked, token]) expect(out + err).not.toContain(secret)
    const { out: data } = await latchkey(['scan', 'deep/er/.env', 'deep/changed', 'deep/admin-token', '--json'], {})
    expect(JSON.parse(data)).toEqual([
      { file: 'deep/er/.env', line: 2, column: 6, environment: 'live', kid: leaked.kid },
      { file: 'deep/admin-token', line: 1, column: 1, token: token.id },
    ])
  })

  test('looks into what is named wherever it leads, and says so where it leads nowhere', async () => {
    await mkdir(join(server.folder, 'real'))
    await writeFile(join(server.folder, 'real/.env'), leaked.text)
    await symlink('real', join(server.folder, 'current'))
    await symlink('real/.env', join(server.folder, 'env'))
    await symlink('gone', join(server.folder, 'dangling'))
    await promisify(execFile)('mkfifo', [join(server.folder, 'pipe')])
    const written = writeFile(join(server.folder, 'pipe'), `\n${leaked.text}`)
    const { code, out, err } = await latchkey(['scan', 'current', 'env', 'dangling', 'pipe'], {})
    await written
    const what = `a live key, kid ${leaked.kid}\n`
    expect([code, out]).toEqual([1, `current/.env:1:1: ${what}env:1:1: ${what}pipe:2:1: ${what}`])
    expect(err).toContain('dangling cannot be read (ENOENT)')
    expect(await latchkey(['scan', ''], {})).toMatchObject({ code: 2, out: '' })
  })

  test('finds a key in a file whose name is no text', async () => {
    await mkdir(join(server.folder, 'bytes'))
    await writeFile(Buffer.concat([Buffer.from(join(server.folder, 'bytes/')), Buffer.from([0x61, 0xff])]), leaked.text)
    const { code, out } = await latchkey(['scan', 'bytes'], {})
    expect([code, out]).toEqual([1, `bytes/a\ufffd:1:1: a live key, kid ${leaked.kid}\n`])
  })

  test('finds a key in a file of any size, wherever it is read in pieces', async () => {
    const file = join(server.folder, 'large.sql')
    const size = 33 * 1024 * 1024
    await writeFile(file, Buffer.alloc(size, `${'x'.repeat(127)}\n`))
    const piece = 1024 * 1024
    for (const end of [size, 3 * piece + 35, 2 * piece, piece + 72]) {
      const bytes = await open(file, 'r+')
      await bytes.write(`\n${leaked.text}\n`, end - 73, 'latin1')
      await bytes.close()
    }
    const { code, out } = await latchkey(['scan', 'large.sql', '--json'], {})
    expect(code).toBe(1)
    const found: { line: number; column: number; kid: string }[] = JSON.parse(out)
    expect(found.map(({ kid, column }) => [kid, column])).toEqual(Array.from({ length: 4 }, () => [leaked.kid, 1]))
    const lines = (await readFile(file, 'latin1')).split('\n')
    expect(found.map(({ line }) => lines[line - 1])).toEqual(Array.from({ length: 4 }, () => leaked.text))
  })

  test('finds a key in a file that is named as an option is, as pre-commit passes it', async () => {
    const [, entry = ''] = /^ +entry: latchkey (.*)$/m.exec(await readFile('.pre-commit-hooks.yaml', 'utf8')) ?? []
    await writeFile(join(server.folder, '--json'), leaked.text)
    const { code, out } = await latchkey([...entry.split(' '), '--json'], {})
    expect([code, out]).toEqual([1, `--json:1:1: a live key, kid ${leaked.kid}\n`])
  })

  test.each(['utf-16le', 'utf-16be'])('finds a key in a file of %s', async (encoding) => {
    const bytes = Buffer.from(`\ufeffé=1\r\nKEY="${leaked.text}"\r\n`, 'utf16le')
    await writeFile(join(server.folder, 'wide.ps1'), encoding === 'utf-16le' ? bytes : bytes.swap16())
    const { code, out } = await latchkey(['scan', 'wide.ps1'], {})
    expect([code, out]).toEqual([1, `wide.ps1:2:6: a live key, kid ${leaked.kid}\n`])
  })

  test.each(['utf-16le', 'utf-16be'])(
    'finds a key in a file of %s without a mark, also behind other bytes',
    async (encoding) => {
      const bytes = Buffer.from(`e=1\r\nKEY="${leaked.text}"\r\n`, 'utf16le')
      const wide = encoding === 'utf-16le' ? bytes : bytes.swap16()
      await writeFile(join(server.folder, 'wide.ps1'), wide)
      await writeFile(join(server.folder, 'dump'), Buffer.concat([Buffer.alloc(1_048_576 - 40, 1), wide]))
      const { code, out } = await latchkey(['scan', 'wide.ps1', 'dump'], {})
      const found = `2:6: a live key, kid ${leaked.kid}\n`
      expect([code, out]).toEqual([1, `wide.ps1:${found}dump:${found}`])
    },
  )

  test('ends with 0 where there is none, and fails where it could not read all', async () => {
    await writeFile(join(server.folder, 'clean'), 'lk_live_ is how a key begins')
    expect(await latchkey(['scan', '.'], {})).toEqual({ code: 0, out: '', err: '' })
    const { code, out, err } = await latchkey(['scan', 'clean', 'missing'], {})
    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('latchkey: What may be in the path that cannot be read is not known. Scan again')
    expect(err).not.toContain('found')
  })

  test('shows what it found beside what cannot be read, names both, and fails', async () => {
    await writeFile(join(server.folder, 'found'), leaked.text)
    const { code, out, err } = await latchkey(['scan', 'missing', 'found', 'found/below'], {})
    expect({ code, out }).toEqual({ code: 1, out: `found:1:1: a live key, kid ${leaked.kid}\n` })
    expect(err).toContain('missing cannot be read (ENOENT).\nfound/below cannot be read (ENOTDIR).\n')
    expect(err).toContain('A key was found. Revoke each')
    expect(err).toContain('the 2 paths that cannot be read')
    const { out: data } = await latchkey(['scan', 'missing', 'found', '--json'], {})
    expect(JSON.parse(data)).toEqual([{ file: 'found', line: 1, column: 1, environment: 'live', kid: leaked.kid }])
  })
})
