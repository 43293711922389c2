import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigurationError } from '#libs/configuration/index'
import { readWithEnvFile } from './env-file.ts'
import { only, readSettings } from './settings.ts'
import { StartError } from './start-error.ts'

const started = process.cwd()
const folder = mkdtempSync(join(tmpdir(), 'latchkey-env-'))
beforeAll(() => process.chdir(folder))
afterAll(() => {
  process.chdir(started)
  rmSync(folder, { recursive: true })
})

function read(content: string | Buffer): NodeJS.ProcessEnv {
  writeFileSync('.env', content)
  return readWithEnvFile({}, (env) => env)
}

function toldOf(content: string | Buffer): string[] {
  try {
    read(content)
  } catch (error) {
    if (error instanceof StartError || error instanceof ConfigurationError) return error.message.split('\n')
    throw error
  }
  throw new Error('it was read')
}

test('the first setting counts also after a byte-order mark', () => {
  expect(read('\uFEFFLATCHKEY_HOST=127.0.0.2\nLATCHKEY_PORT=1\n')).toEqual({
    LATCHKEY_HOST: '127.0.0.2',
    LATCHKEY_PORT: '1',
  })
})

test('comments, empty lines, exports and quoted values of several lines are read', () => {
  const text = [
    '# a comment without a sign',
    '',
    '  export A = 1 # of A',
    'B="one',
    'two"',
    "C='three",
    `four' # of C`,
    'D=`five',
    'six`',
    `E=it's "one" line`,
    'G=',
    'H="x" ',
  ]
  expect(read(text.join('\n'))).toMatchObject({
    A: '1',
    B: 'one\ntwo',
    C: 'three\nfour',
    D: 'five\nsix',
    E: `it's "one" line`,
    G: '',
    H: 'x',
  })
  expect(read('A=1\r\n\r\nB=2\r\n')).toEqual({ A: '1', B: '2' })
})

test.each(['A= \nB=1\n', 'A=\t\nB=1', 'A =  \r\nB=1\r\n', 'A= # of A\nB=1', 'A="" \nB=1', 'B=1\nA= '])(
  'a setting that is left empty takes nothing of the next line: %j',
  (text) => {
    expect(read(text)).toEqual({ A: '', B: '1' })
  },
)

test('each line without a sign is told by its number, and never by what it holds', () => {
  const told = toldOf('LATCHKEY_HOST\nLATCHKEY_PORT=1\nLATCHKEY_DATA="a\nb"\nhunter2\n')
  expect(told).toEqual([
    'Line 1 of the file .env holds no setting; it should hold NAME=VALUE, or # before a comment',
    'Line 5 of the file .env holds no setting; it should hold NAME=VALUE, or # before a comment',
  ])
})

test('lines without a sign are told together with the settings that are wrong', () => {
  writeFileSync('.env', 'LATCHKEY_HOST\nlatchkey_port=1\n')
  const own = only('LATCHKEY_PORT', 'LATCHKEY_PUBLIC_URL')
  const start = (): unknown => readWithEnvFile({ LATCHKEY_PUBLIC_URL: 'x' }, (env) => readSettings(env, own))
  const told = [/Line 1 of the file .env/, /^LATCHKEY_PUBLIC_URL holds "x"/m, /did you mean LATCHKEY_PORT/]
  for (const each of told) expect(start).toThrow(each)
})

test.each([
  ['UTF-16', Buffer.from('\uFEFFLATCHKEY_HOST=127.0.0.2\n', 'utf16le')],
  ['UTF-16 without a mark', Buffer.from('LATCHKEY_HOST=127.0.0.2\n', 'utf16le')],
  ['Latin-1', Buffer.from('LATCHKEY_DATA=./Schlüssel\n', 'latin1')],
])('a file in %s is told to be no UTF-8', (_form, content) => {
  expect(toldOf(content)).toEqual(['The file .env is no text in UTF-8. Save it as such.'])
})
