import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { makeAddressKey, proveAddress } from '#libs/address-proof/index'
import { findSecrets, readAdminToken } from '#libs/credentials/index'
import { freePort } from '#libs/process/index'
import { createLogger } from '#libs/telemetry/index'
import { DataFolder } from './data-folder.ts'
import { ending } from './ending.ts'
import { keepUrl } from './keep-url.ts'

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
  const nobodys = 'http://127.0.0.1:1'
  let answers: StandIn[] = []
  afterEach(() => {
    for (const server of answers) server.end()
    answers = []
  })
  const standIn = async (answer: (url: string, nonce: string) => string): Promise<StandIn> => {
    const server = await StandIn.start(answer)
    answers.push(server)
    return server
  }
  /** A server of the data folder with this key. */
  const serverWith = (key: string) => standIn((url, nonce) => JSON.stringify(proveAddress(key, url, nonce)))

  test('stays while a server of the folder answers there, and is another once none does', async () => {
    const server = await serverWith(folder.addressKey())
    await folder.writeUrl(server.url)
    await new DataFolder(path).writeUrl(nobodys)
    expect(kept()).toBe(`${server.url}\n`)
    server.end()
    await folder.writeUrl(nobodys)
    expect(kept()).toBe(`${nobodys}\n`)
    expect(readdirSync(path).sort()).toEqual(['address-key', 'url'])
  })

  test('is another where something else answers', async () => {
    const owns = await serverWith(folder.addressKey())
    for (const stranger of [
      await standIn(() => '<!doctype html>'),
      await standIn(() => '{}'),
      await standIn(() => 'x'.repeat(10_000_000)),
      await serverWith(makeAddressKey()),
      // It asks a server of the folder, which is at another address.
      await standIn((_url, nonce) => JSON.stringify(proveAddress(folder.addressKey(), owns.url, nonce))),
    ]) {
      writeFileSync(join(path, 'url'), `${stranger.url}\n`)
      await folder.writeUrl(nobodys)
      expect(kept()).toBe(`${nobodys}\n`)
    }
  })

  test('becomes that of the server that goes on, once the one that stood there has ended', async () => {
    const [older, newer] = [await serverWith(folder.addressKey()), await serverWith(folder.addressKey())]
    const logger = await createLogger({ service: 'test', level: 'error', pretty: false, stream: process.stderr })
    const [ofOlder, ofNewer] = [ending(logger), ending(logger)]
    await keepUrl(folder, older.url, { ending: ofOlder, logger }, 5)
    await keepUrl(new DataFolder(path), newer.url, { ending: ofNewer, logger }, 5)
    expect(kept()).toBe(`${older.url}\n`)
    await ofOlder.end()
    older.end()
    for (let looks = 0; looks < 2_000 && kept() !== `${newer.url}\n`; looks++) await pause(5)
    await ofNewer.end()
    expect(kept()).toBe(`${newer.url}\n`)
  })

  test.each(['', 'nonsense', 'ftp://127.0.0.1'])('%j is not one, and is replaced', async (text) => {
    writeFileSync(join(path, 'url'), text)
    await folder.writeUrl(nobodys)
    expect(kept()).toBe(`${nobodys}\n`)
  })
})

/** Answers every address alike, as if it were asked for a proof. */
class StandIn {
  readonly url: string
  readonly #server: Server

  private constructor(url: string, server: Server) {
    this.url = url
    this.#server = server
  }

  static async start(answer: (url: string, nonce: string) => string): Promise<StandIn> {
    const url = `http://127.0.0.1:${await freePort()}`
    const server = createServer((request, response) => {
      response.end(answer(url, (request.url ?? '').replace('/health/address/', '')))
    }).listen(Number(new URL(url).port), '127.0.0.1')
    await once(server, 'listening')
    return new StandIn(url, server)
  }

  end(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
