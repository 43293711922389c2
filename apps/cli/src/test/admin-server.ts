import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { makeAddressKey, proveAddress } from '#libs/address-proof/index'
import { run } from '../run.ts'

/** A request as it came, with its whole body. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type Respond = (asked: Asked, response: ServerResponse) => unknown

/** A server that answers as a test tells it, and the command line that asks it, in a folder of its own for each test. */
export interface AdminServer {
  /** How it answers: with 200 and nothing unless told, in each test anew. */
  respond: Respond
  /** By what it proves its address, which is that of `dataFolder` unless told; it proves nothing without. */
  addressKey: string | undefined
  /** What it was asked in this test, but for proofs of its address. */
  readonly seen: readonly Asked[]
  readonly url: string
  /** Where the command line runs. */
  readonly folder: string
  /** What the command line takes from the environment to ask this server. */
  readonly env: Record<string, string>
  /** Makes the data folder `data`, with these files and with the key of its addresses. */
  dataFolder(files: Readonly<Record<string, string>>): Promise<void>
  latchkey(args: readonly string[], env?: Record<string, string>): Promise<{ code: number; out: string; err: string }>
}

export const token = 'a-token-of-the-tests'

/** Is there for the tests of the file that calls this. */
export function adminServer(): AdminServer {
  let respond: Respond
  let seen: Asked[]
  let url: string
  let folder: string
  let addressKey: string | undefined
  const server = createServer((request, response) => {
    void (async () => {
      const { method = '', url: address = '', headers } = request
      const asked = { method, url: address, headers, body: await text(request) }
      const [, nonce] = /^\/health\/address\/(.*)$/.exec(address) ?? []
      if (nonce !== undefined && addressKey !== undefined && headers.authorization === undefined) {
        return answer(200, proveAddress(addressKey, url, nonce))(asked, response)
      }
      seen.push(asked)
      respond(asked, response)
    })()
  })

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  })
  afterAll(() => new Promise((resolve) => server.close(resolve)))
  beforeEach(async () => {
    seen = []
    respond = (_asked, response) => response.end()
    addressKey = makeAddressKey()
    folder = await mkdtemp(join(tmpdir(), 'latchkey-cli-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const ofServer = (): Record<string, string> => ({ LATCHKEY_URL: url, LATCHKEY_ADMIN_TOKEN: token })
  return {
    set respond(how: Respond) {
      respond = how
    },
    get addressKey() {
      return addressKey
    },
    set addressKey(key: string | undefined) {
      addressKey = key
    },
    get seen() {
      return seen
    },
    get url() {
      return url
    },
    get folder() {
      return folder
    },
    get env() {
      return ofServer()
    },
    async dataFolder(files) {
      await mkdir(join(folder, 'data'))
      for (const [name, content] of Object.entries({ ...files, 'address-key': addressKey ?? '' })) {
        await writeFile(join(folder, 'data', name), `${content}\n`, { mode: 0o600 })
      }
    },
    async latchkey(args, env = ofServer()) {
      let out = ''
      let err = ''
      const said = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) }
      const code = await run([...args], { env, folder, ...said })
      return { code, out, err }
    },
  }
}

export function answer(status: number, body: object): Respond {
  return (_asked, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
