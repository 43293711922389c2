import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import { signingKeys } from './test/signing-keys.ts'

const { folder, isGenuine, key, verifying } = signingKeys()
const to = 'http://127.0.0.1:8080/scim/v2/c1'

beforeAll(() => writeFileSync(join(folder, 'user.json'), '{"userName":"ada"}'))

async function latchkey(...args: string[]) {
  let out = ''
  let err = ''
  const said = { out: (words: string) => void (out += words), err: (words: string) => void (err += words) }
  const code = await run(args, { env: {}, folder, ...said })
  return { code, out, err }
}

/** By names in lower case. */
function headersIn(out: string): Record<string, string> {
  const lines = out.trim().split('\n')
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
}

describe('latchkey sign', () => {
  test('prints the headers of a request that then is genuine, the key among them', async () => {
    for (const name of ['hmac', 'ed25519'] as const) {
      const { code, out } = await latchkey(
        'sign',
        'post',
        `${to}/Users`,
        '--body',
        'user.json',
        '--key',
        `${name}.json`,
      )
      expect(code).toBe(0)
      const headers = headersIn(out)
      expect(headers['authorization']).toBe(`Bearer ${key}`)
      expect(isGenuine(`${to}/Users`, { method: 'POST', headers, body: '{"userName":"ada"}' }, verifying[name])).toBe(
        true,
      )
    }
  })

  test.each([
    ['a method that is none', 'GE T', []],
    ['a content type that no header can hold', 'POST', ['--content-type', 'a\nb']],
  ])('%s is told as such', async (_, method, more) => {
    const { code, err } = await latchkey('sign', method, `${to}/Users`, '--key', 'hmac.json', ...more)
    expect(code).toBe(2)
    expect(err).toMatch(/^latchkey: The (method|content type) is none[^\n]+\n$/)
  })

  test('signs that a request is a dry run', async () => {
    const { out } = await latchkey('sign', 'DELETE', `${to}/Users/1`, '--key', 'hmac.json', '--dry-run')
    const headers = headersIn(out)
    expect(headers['latchkey-dry-run']).toBe('true')
    expect(isGenuine(`${to}/Users/1`, { method: 'DELETE', headers, body: '' }, verifying.hmac)).toBe(true)
  })

  test('signs for the address as it is called, and says so where it was written otherwise', async () => {
    const { out, err } = await latchkey('sign', 'GET', `${to}/Users?filter=userName eq "ada"`, '--key', 'hmac.json')
    expect(err).toContain(`call exactly that`)
    expect(err).toContain('filter=userName%20eq%20%22ada%22')
    expect(out).not.toContain('Content-')
  })

  test('tells what is wrong with a key file, and uses none that others may read', async () => {
    writeFileSync(join(folder, 'open.json'), '{}', { mode: 0o600 })
    chmodSync(join(folder, 'open.json'), 0o640)
    expect(await latchkey('sign', 'GET', to, '--key', 'open.json')).toMatchObject({
      code: 3,
      err: expect.stringContaining('chmod 600'),
    })
    writeFileSync(join(folder, 'bad.json'), JSON.stringify({ key, algorithm: 'hmac-sha256', secret: 'short-secret' }), {
      mode: 0o600,
    })
    const bad = await latchkey('sign', 'GET', to, '--key', 'bad.json')
    expect(bad).toMatchObject({ code: 2, err: expect.stringContaining('is no key file') })
    expect(bad.err).not.toContain('short-secret')
    expect((await latchkey('sign', 'GET', to, '--key', 'none.json')).code).toBe(2)
    expect((await latchkey('sign', 'GET', 'nowhere', '--key', 'hmac.json')).code).toBe(2)
  })
})
