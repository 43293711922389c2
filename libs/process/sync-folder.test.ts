import { mkdtempSync, rmSync } from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { syncFolder } from './sync-folder.ts'

let folder: string
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'latchkey-sync-folder-'))))
afterEach(() => rmSync(folder, { recursive: true }))

test('a folder is synced, and what knows no syncing is passed over', () => {
  expect(() => syncFolder(folder)).not.toThrow()
  expect(() => syncFolder(devNull)).not.toThrow()
})

test('a failure that is none of syncing folders at all is told', () => {
  expect(() => syncFolder(join(folder, 'missing'))).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})
