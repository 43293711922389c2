import { freePort, holdFreePort, holdOwnPort, holdPort } from './index.ts'

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

test('a process has ports of its own, of which none is a free port of another; where one is taken it takes another', async () => {
  const own = await Promise.all([0, 1, 2, 3].map((nth) => holdOwnPort('127.0.0.1', nth)))
  const instead = await holdOwnPort('127.0.0.1', 0)
  const free = await Promise.all(Array.from({ length: 20 }, () => holdFreePort('127.0.0.1')))
  await Promise.all([...own, instead, ...free].map(({ release }) => release()))
  const ports = own.map(({ port }) => port)
  expect(ports).toEqual([0, 1, 2, 3].map((nth) => (ports[0] ?? 0) + nth))
  expect(ports.every((port) => port >= 26_000 && port < 32_000)).toBe(true)
  expect([instead, ...free].every(({ port }) => port >= 20_000 && port < 26_000)).toBe(true)
})
