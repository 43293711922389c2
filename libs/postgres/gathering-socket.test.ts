import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { gatheringSocket } from './gathering-socket.ts'

test('what is written in one turn of the event loop leaves together at its end', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = gatheringSocket()
  socket.connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')

  socket.write('one ')
  socket.write('two')
  expect(socket.writableLength).toBe(7)
  await setImmediate()
  expect(socket.writableLength).toBe(0)
  expect(socket.bytesWritten).toBe(7)

  socket.destroy()
  server.close()
})
