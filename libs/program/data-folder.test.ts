import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findSecrets, readAdminToken } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
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

describe('the address of the admin API', () => {
  const kept = (): string => readFileSync(join(path, 'url'), 'utf8')
  let server: Server
  let address: string
  let status = 200
  beforeEach(async () => {
    const port = await freePort()
    server = createServer((request, response) => {
      response.writeHead(request.url === '/.well-known/latchkey-key-format' ? status : 404).end('{}')
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    address = `http://127.0.0.1:${port}`
    status = 200
  })
  afterEach(() => void server.close())

  test('stays while a keys service answers there, and is another once none does', async () => {
    await folder.writeUrl(address)
    await folder.writeUrl('http://127.0.0.1:1')
    expect(kept()).toBe(`${address}\n`)
    server.close()
    server.closeAllConnections()
    await folder.writeUrl('http://127.0.0.1:1')
    expect(kept()).toBe('http://127.0.0.1:1\n')
  })

  test('is another where something else answers', async () => {
    await folder.writeUrl(address)
    status = 404
    await folder.writeUrl('http://127.0.0.1:1')
    expect(kept()).toBe('http://127.0.0.1:1\n')
  })

  test.each(['', 'nonsense', 'ftp://127.0.0.1'])('%j is not one, and is replaced', async (text) => {
    writeFileSync(join(path, 'url'), text)
    await folder.writeUrl(address)
    expect(kept()).toBe(`${address}\n`)
  })
})
