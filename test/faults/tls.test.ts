import { writeFileSync } from 'node:fs'
import { Agent, request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TLSSocket } from 'node:tls'
import { jest } from '@jest/globals'
import { certified, type CertifiedKey, selfSigned } from '../certificates.ts'
import { ask, Ground, type Program, refusal, until } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
const files = { LATCHKEY_TLS_CERT: join(ground.path, 'cert.pem'), LATCHKEY_TLS_KEY: join(ground.path, 'key.pem') }
const [first, second] = [selfSigned('first'), selfSigned('second')]
afterAll(() => ground.end())

function write({ cert, key }: CertifiedKey): void {
  writeFileSync(files.LATCHKEY_TLS_CERT, cert)
  writeFileSync(files.LATCHKEY_TLS_KEY, key, { mode: 0o644 })
}

interface Answered {
  readonly status: number | undefined
  /** In the certificate that was shown. */
  readonly name: string
  readonly body: string
}

async function get(url: string, agent: Agent, headers: Record<string, string> = {}): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>()
  let name = ''
  const asked = request(url, { agent, headers })
  asked.on('response', (answer) => {
    text(answer).then((body) => resolve({ status: answer.statusCode, name, body }), reject)
  })
  asked.on('socket', (socket: TLSSocket) => {
    const look = (): void => void (name = String(socket.getPeerCertificate().subject?.CN ?? ''))
    if (socket.connecting) socket.once('secureConnect', look)
    else look()
  })
  asked.on('error', reject).end()
  return promise
}

async function list({ scimBaseUrl, key }: Program, agent: Agent): Promise<[Answered['status'], Answered['name']]> {
  const url = `${scimBaseUrl}/Users?count=0`
  const { status, name } = await get(url, agent, { authorization: `Bearer ${key}` })
  return [status, name]
}

/** Until the certificate expires, as the metric has it. */
async function secondsLeft({ url }: Program, agent: Agent): Promise<number> {
  const { body } = await get(`${url}/metrics`, agent)
  return Number(/^latchkey_certificate_remaining_seconds (\S+)$/m.exec(body)?.[1])
}

test('with a certificate all is spoken over TLS, at the addresses that are printed; a new certificate needs no restart', async () => {
  write(first)
  const program = await ground.start(ground.folder(), files)
  expect([program.url, program.scimBaseUrl]).toEqual([
    expect.stringMatching(/^https:/),
    expect.stringMatching(/^https:/),
  ])
  expect(program.stderr).toContain(`The file ${files.LATCHKEY_TLS_KEY} of LATCHKEY_TLS_KEY can be read by others`)
  const kept = new Agent({ ca: first.cert, keepAlive: true })
  expect(await list(program, kept)).toEqual([200, 'first'])
  expect(await secondsLeft(program, kept)).toBeGreaterThan(0)
  const plain = `${program.scimBaseUrl.replace('https', 'http')}/Users`
  await expect(ask(plain, { token: program.key })).rejects.toThrow()
  write(second)
  await until('it is told', () => program.stderr.includes('new connections are met with the new certificate'))
  expect(await list(program, new Agent({ ca: second.cert }))).toEqual([200, 'second'])
  expect(await list(program, kept)).toEqual([200, 'first'])
  writeFileSync(files.LATCHKEY_TLS_KEY, first.key)
  await until('the fault is told', () => program.stderr.includes('is not that of the certificate'))
  expect(await list(program, new Agent({ ca: second.cert }))).toEqual([200, 'second'])
  kept.destroy()
  const hourAgo = Date.now() - 3_600_000
  write(certified('expired', { from: hourAgo - 1, to: hourAgo }))
  await until('that it has expired is told', () => /cert\.pem expired on/.test(program.stderr))
  const unwary = new Agent({ rejectUnauthorized: false })
  expect(await list(program, unwary)).toEqual([200, 'expired'])
  expect(await secondsLeft(program, unwary)).toBeLessThan(-3_599)
  expect(program.stdout).not.toContain('Plain HTTP')
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})

test('from where plain HTTP is taken is said at the start, and warned of where that is everywhere', async () => {
  const program = await ground.start(ground.folder(), { LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8, ::/0' })
  expect(program.stdout).toMatch(
    /^Plain HTTP +is taken from 127\.0\.0\.0\/8, ::1\/128 alone, and from the proxies 10\.0\.0\.0\/8, ::\/0 what they took over TLS/m,
  )
  expect(program.stderr).toContain('LATCHKEY_TRUSTED_PROXIES names ::/0: whoever sends from there is believed')
})

test.each([
  [
    { LATCHKEY_TLS_CERT: '/nowhere/cert.pem' },
    'LATCHKEY_TLS_KEY holds nothing; it should hold some text, because LATCHKEY_TLS_CERT is set',
  ],
  [
    { LATCHKEY_TLS_CERT: '/nowhere/cert.pem', LATCHKEY_TLS_KEY: '/nowhere/key.pem' },
    'The file /nowhere/cert.pem is no certificate and key that could be used (ENOENT). ',
  ],
  [{ LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/33' }, 'LATCHKEY_TRUSTED_PROXIES '],
])('%j is told in one line, and nothing is started', async (env, told) => {
  const { code, lines } = await refusal(ground.launch(ground.folder(), env))
  expect([code, lines]).toEqual([1, [expect.stringContaining(told)]])
})
