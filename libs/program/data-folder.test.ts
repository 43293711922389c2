import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findSecrets, readAdminToken } from '#libs/credentials/index'
import { DataFolder } from './data-folder.ts'

let path: string
let folder: DataFolder

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'latchkey-data-folder-'))
  folder = new DataFolder(path)
})
afterEach(() => rmSync(path, { recursive: true }))

test('the admin token is made once, and in the form that scanners look for', () => {
  const token = folder.adminToken()
  expect(readAdminToken(token)).toBeDefined()
  const file = join(path, 'admin-token')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect([...findSecrets(readFileSync(file, 'utf8'))]).toMatchObject([{ kind: 'admin-token' }])
  expect(new DataFolder(path).adminToken()).toBe(token)
  rmSync(file)
  expect(folder.adminToken()).not.toBe(token)
})
