import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFiles } from './open-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-open-'))
const [key, token] = [join(folder, 'key.pem'), join(folder, 'token')]
beforeAll(() => {
  for (const file of [key, token]) writeFileSync(file, 'a secret')
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([0o644, 0o604, 0o660, 0o602])('files of mode %o that hold a secret are warned of', (mode) => {
  for (const file of [key, token]) chmodSync(file, mode)
  const told = openFiles({ LATCHKEY_TLS_KEY: key, KAFKA_TLS_KEY: key, LATCHKEY_VAULT_TOKEN_FILE: token })
  expect(told).toEqual([
    expect.stringMatching(`^The file ${key} of LATCHKEY_TLS_KEY can be read by others.*chmod 600 ${key}$`),
    expect.stringMatching(`^The file ${token} of LATCHKEY_VAULT_TOKEN_FILE can be read by others.*chmod 600 ${token}$`),
    expect.stringMatching(`^The file ${key} of KAFKA_TLS_KEY can be read by others.*chmod 600 ${key}$`),
  ])
  expect(told.join()).not.toContain('a secret')
})

test('files of their owner alone, and such that are not there, are not warned of', () => {
  for (const file of [key, token]) chmodSync(file, 0o600)
  expect(openFiles({ LATCHKEY_TLS_KEY: key, LATCHKEY_VAULT_TOKEN_FILE: token })).toEqual([])
  expect(openFiles({ LATCHKEY_TLS_KEY: join(folder, 'missing') })).toEqual([])
  expect(openFiles({ LATCHKEY_TLS_KEY: join(key, 'below') })).toEqual([])
  expect(openFiles({ LATCHKEY_TLS_KEY: join(folder, 'x'.repeat(300)) })).toEqual([])
  expect(openFiles({})).toEqual([])
})
