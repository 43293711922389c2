import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { jest } from '@jest/globals'

/** What was asked of the disk, in order. */
let asked: string[]
/** Refuses to sync what it is true of, as a disk does that fails. */
let fails: (path: string) => boolean
const opened = new Map<number, string>()

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  openSync(...given: Parameters<typeof fs.openSync>) {
    const descriptor = fs.openSync(...given)
    opened.set(descriptor, String(given[0]))
    return descriptor
  },
  fsyncSync(descriptor: number) {
    const path = opened.get(descriptor) ?? ''
    const isEmpty = path !== folder && fs.fstatSync(descriptor).size === 0
    asked.push(`sync ${named(path)}${isEmpty ? ', which is empty' : ''}`)
    if (fails(path)) throw Object.assign(new Error('the disk fails'), { code: 'EIO' })
    fs.fsyncSync(descriptor)
  },
  linkSync(from: string, to: string) {
    asked.push(`link ${named(from)} to ${named(to)}`)
    fs.linkSync(from, to)
  },
}))
const { makeSecretFile, reserveSecretFile } = await import('./index.ts')

let folder: string
let path: string
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'latchkey-durable-'))
  path = join(folder, 'kek')
  asked = []
  fails = () => false
})
afterEach(() => fs.rmSync(folder, { recursive: true }))

function named(of: string): string {
  if (of === folder) return 'the folder'
  return basename(of).replace(/^kek\..*/, 'the draft')
}

const folderSynced = 'sync the folder'

test('a secret file is synced before it has its name, and its folder after', () => {
  makeSecretFile(path, () => 'mine')
  expect(asked).toEqual(['sync the draft', 'link the draft to kek', folderSynced])
})

test('the folder of one that is there is synced before it is used: whoever made it may not have done so', () => {
  fs.writeFileSync(path, 'mine', { mode: 0o600 })
  expect(makeSecretFile(path, () => 'another')).toBe('mine')
  expect(asked).toEqual([folderSynced])
})

test('a secret file that the disk does not keep has no name, and nothing is left of it', () => {
  fails = (synced) => synced !== folder
  expect(() => makeSecretFile(path, () => 'mine')).toThrow(
    expect.objectContaining({ fault: 'unmakeable', code: 'EIO' }),
  )
  expect(fs.readdirSync(folder)).toEqual([])
})

test('that the disk does not keep its name is told, of a file that was made, that is there, and that is reserved', () => {
  fails = (synced) => synced === folder
  const told = expect.objectContaining({ fault: 'not-durable', code: 'EIO' })
  expect(() => makeSecretFile(path, () => 'mine')).toThrow(told)
  expect(() => makeSecretFile(path, () => 'mine')).toThrow(told)
  expect(() => reserveSecretFile(join(folder, 'key.json'))).toThrow(told)
  expect(fs.readdirSync(folder)).toEqual(['kek'])
})

test('the name of a reserved file is kept before anything is written, and what is written once it is', () => {
  const file = reserveSecretFile(join(folder, 'key.json'))
  expect(asked).toEqual([folderSynced])
  file.write('kept')
  expect(asked).toEqual([folderSynced, 'sync key.json'])
})

test('a reserved file that the disk does not keep is told', () => {
  const file = reserveSecretFile(join(folder, 'key.json'))
  fails = (synced) => synced !== folder
  expect(() => file.write('kept')).toThrow(expect.objectContaining({ fault: 'unmakeable', code: 'EIO' }))
})
