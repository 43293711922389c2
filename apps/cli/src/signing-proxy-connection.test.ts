import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage } from 'node:http'
import { mintKey } from '#libs/credentials/index'
import { readSigningKey } from '#libs/signatures/index'
import { startSigningProxy } from './signing-proxy.ts'

test('what a Connection field names is not passed on, neither in the request nor in the answer', async () => {
  let seen: IncomingMessage | undefined
  const server = createServer((received, response) => {
    seen = received
    response.setHeader('connection', 'keep-alive, X-Of-Answer')
    response.setHeader('x-of-answer', '1')
    response.setHeader('x-stays', '1')
    response.end('{}')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'string' ? '' : address?.port
  const { kid, text } = mintKey('sandbox')
  const signing = readSigningKey('hmac-sha256', randomBytes(32).toString('base64url'))
  if (signing === undefined) throw new Error('it signs nothing')
  const key = { text, signer: { keyid: kid, key: signing } }
  const to = new URL(`http://127.0.0.1:${port}/scim/v2/c1`)
  const proxy = await startSigningProxy({ to, keys: [key], host: '127.0.0.1', port: 0, bodyLimit: 1_000 })

  const headers = {
    authorization: `Bearer ${text}`,
    connection: 'close, X-Of-Request',
    'x-of-request': '1',
    'x-stays': '1',
  }
  const asking = request(`${proxy.url}/Users`, { headers }).end()
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  await proxy.stop()
  server.close()
  expect(answer.statusCode).toBe(200)
  expect(seen?.headers).toMatchObject({ authorization: `Bearer ${text}`, 'x-stays': '1' })
  expect(seen?.headers).not.toHaveProperty('x-of-request')
  expect(answer.headers).toMatchObject({ 'x-stays': '1' })
  expect(answer.headers).not.toHaveProperty('x-of-answer')
})
