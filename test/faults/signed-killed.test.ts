import { jest } from '@jest/globals'
import { z } from 'zod'
import { readSigningKey, signRequest } from '#libs/signatures/index'
import { type Answer, ask, Ground, newConnection, until } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

const minted = z.looseObject({ kid: z.string(), key: z.string(), signingSecret: z.string() })

test('a signed request that was taken ahead of the clock is not taken again by a program that was killed and started again', async () => {
  const data = ground.folder()
  const program = await ground.start(data)
  const { base } = await newConnection(program, 'signed')
  const policy = { authentication: { method: 'signed', algorithm: 'hmac-sha256' } }
  const keys = `${program.url}/admin/v1/connections/${base.split('/').at(-1)}/keys`
  const { body } = await ask(keys, { token: program.adminToken, body: { policy } })
  const { kid, key: token, signingSecret } = minted.parse(body)
  const signing = readSigningKey('hmac-sha256', signingSecret)
  if (signing === undefined) throw new Error('the secret is one')
  const url = new URL(`${base}/Users`)
  const signed = (ahead: number): Record<string, string> => ({
    ...signRequest({ method: 'GET', url }, { keyid: kid, key: signing }, { now: new Date(Date.now() + ahead) }),
  })
  const send = (headers: Record<string, string>): Promise<Answer> => ask(url.href, { token, headers })

  await until('the key is accepted', async () => (await send(signed(0))).status === 200)
  const early = signed(240_000)
  expect((await send(early)).status).toBe(200)
  expect((await send(early)).status).toBe(401)

  program.signal('SIGKILL')
  await program.exit
  await ground.start(data, { LATCHKEY_PORT: url.port })
  const again = await send(early)
  expect([again.status, again.headers['retry-after']]).toEqual([503, '5'])
  await until('what is signed since is accepted', async () => (await send(signed(0))).status === 200)
  expect((await send(signed(260_000))).status).toBe(200)
  expect((await send(early)).status).toBe(503)
})
