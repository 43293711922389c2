import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { run } from './run.ts'

const kek = { id: 'file:0123456789abcdef', version: '1' }
const lost = { tenant: 'acme', dataKey: 'k1', fault: 'unreadable', detail: 'It was altered.' }

async function rewrap(batches: readonly object[]) {
  const asked: unknown[] = []
  const answers = [...batches]
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    asked.push(await json(request))
    const batch = answers.shift()
    response.writeHead(batch === undefined ? 500 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kek, ...batch }))
  }
  const server = createServer((request, response) => void answer(request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const port = typeof address === 'string' ? '' : address?.port
  const env = { LATCHKEY_URL: `http://127.0.0.1:${port}`, LATCHKEY_ADMIN_TOKEN: 'a-token-of-the-tests' }
  let err = ''
  const code = await run(['keys', 'rewrap'], { env, folder: '.', out: () => {}, err: (words) => void (err += words) })
  server.close()
  server.closeAllConnections()
  return { code, err, asked }
}

test('keys rewrap goes past what cannot be wrapped, names it, and fails when all else is done', async () => {
  const { code, err, asked } = await rewrap([
    { rewrapped: 1, remaining: 3, failed: [lost], next: 'past-k1' },
    { rewrapped: 2, remaining: 1, failed: [] },
  ])
  expect(asked).toEqual([{}, { after: 'past-k1' }])
  expect(code).toBe(1)
  expect(err).toContain('data key k1 of tenant acme stays as it is: It was altered.')
  expect(err).toContain('3 data keys were wrapped anew, and 1 could not be')
})

test('keys rewrap stops when a batch wraps nothing and some remain', async () => {
  const { code, asked } = await rewrap([{ rewrapped: 0, remaining: 2 }])
  expect([code, asked]).toEqual([1, [{}]])
})
