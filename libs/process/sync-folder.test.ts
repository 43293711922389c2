import * as fs from 'node:fs'
import { devNull, tmpdir } from 'node:os'
import { join } from 'node:path'
import { jest } from '@jest/globals'

let synced: string[]
/** How the system answers, unless it is asked in truth. */
let code: string | undefined
const opened = new Map<number, string>()

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  openSync(...given: Parameters<typeof fs.openSync>) {
    const descriptor = fs.openSync(...given)
    opened.set(descriptor, String(given[0]))
    return descriptor
  },
  fsyncSync(descriptor: number) {
    synced.push(opened.get(descriptor) ?? '')
    if (code !== undefined) throw Object.assign(new Error('as the system says'), { code })
    fs.fsyncSync(descriptor)
  },
}))
const { syncFolder } = await import('./sync-folder.ts')

let folder: string
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'latchkey-sync-folder-'))
  synced = []
  code = undefined
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

test('a folder is synced, and what knows no syncing is passed over', () => {
  expect(() => syncFolder(folder)).not.toThrow()
  expect(() => syncFolder(devNull)).not.toThrow()
  expect(synced).toEqual([folder, devNull])
})

test.each(['EINVAL', 'ENOTSUP', 'ENOSYS', 'EACCES', 'EPERM', 'EROFS'])('%s is passed over', (refused) => {
  code = refused
  expect(() => syncFolder(folder)).not.toThrow()
})

test.each(['EIO', 'ENOSPC', 'EDQUOT'])('%s is told: what was done may not be kept', (failed) => {
  code = failed
  expect(() => syncFolder(folder)).toThrow(expect.objectContaining({ code: failed }))
})

test('a failure that is none of syncing folders at all is told', () => {
  expect(() => syncFolder(join(folder, 'missing'))).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})
