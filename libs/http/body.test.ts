import { createServer, request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { BodyAborted, BodyTimedOut, BodyTooLarge, readBody } from './body.ts'

/** Runs `handle` on one request that `send` writes, and gives what it settles with. */
async function received<T>(
  handle: (incoming: IncomingMessage) => Promise<T>,
  send: (outgoing: ReturnType<typeof request>) => void,
) {
  const outcome = Promise.withResolvers<T>()
  const server = createServer((incoming, response) => {
    handle(incoming)
      .then(outcome.resolve, outcome.reject)
      .finally(() => response.setHeader('connection', 'close').end())
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const outgoing = request({ method: 'POST', host: '127.0.0.1', port: (server.address() as AddressInfo).port })
  outgoing.on('error', () => undefined)
  send(outgoing)
  try {
    return await outcome.promise
  } finally {
    outgoing.destroy()
    server.closeAllConnections()
    server.close()
  }
}

test('a body comes whole, however it is cut', async () => {
  const body = await received(
    (incoming) => readBody(incoming, 10),
    (outgoing) => {
      outgoing.write('12345')
      setImmediate(() => outgoing.end('67890'))
    },
  )
  expect(body.toString()).toBe('1234567890')
})

test('a request without a body has an empty one', async () => {
  expect(
    await received(
      (incoming) => readBody(incoming, 10),
      (outgoing) => outgoing.end(),
    ),
  ).toHaveLength(0)
})

test('a declared length over the limit is refused without reading', async () => {
  const outcome = received(
    (incoming) => readBody(incoming, 10),
    (outgoing) => {
      outgoing.setHeader('content-length', 11)
      outgoing.flushHeaders()
    },
  )
  await expect(outcome).rejects.toThrow(BodyTooLarge)
})

test('a body that grows over the limit is refused before it ends', async () => {
  const outcome = received(
    (incoming) => readBody(incoming, 10),
    (outgoing) => void outgoing.write('12345678901'),
  )
  await expect(outcome).rejects.toThrow(BodyTooLarge)
})

test('a client that goes away in the middle is told apart', async () => {
  const outcome = received(
    (incoming) => {
      const body = readBody(incoming, 10)
      incoming.socket.destroy()
      return body
    },
    (outgoing) => void outgoing.write('123'),
  )
  await expect(outcome).rejects.toThrow(BodyAborted)
})

test('a body that stops coming is given up after the time-out', async () => {
  const outcome = received(
    (incoming) => readBody(incoming, 10, 20),
    (outgoing) => void outgoing.write('123'),
  )
  await expect(outcome).rejects.toThrow(BodyTimedOut)
})

test('a body cannot be read twice', async () => {
  const outcome = received(
    async (incoming) => {
      await readBody(incoming, 10)
      return readBody(incoming, 10)
    },
    (outgoing) => outgoing.end('123'),
  )
  await expect(outcome).rejects.toThrow('read already')
})
