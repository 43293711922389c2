import { freePort, holdFreePort, holdPort } from './index.ts'

test('a free port is below those of outgoing connections, and can be listened on', async () => {
  const port = await freePort()
  expect(port).toBeLessThan(32_768)
  const held = await holdPort('127.0.0.1', port)
  await held.release()
})

test('a port that is held is refused to others until it is released', async () => {
  const { port, release } = await holdFreePort('127.0.0.1')
  await expect(holdPort('127.0.0.1', port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
  await release()
  const again = await holdPort('127.0.0.1', port)
  await again.release()
})

test('of ports that are held at the same time no two are the same', async () => {
  const held = await Promise.all(Array.from({ length: 50 }, () => holdFreePort('127.0.0.1')))
  await Promise.all(held.map(({ release }) => release()))
  expect(new Set(held.map(({ port }) => port)).size).toBe(50)
})

test('a host that is not of this machine is told at once', async () => {
  await expect(freePort('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' })
})
