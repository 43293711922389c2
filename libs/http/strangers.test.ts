import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { strangersOneByOne } from './strangers.ts'

const servers: Server[] = []
const sockets: Socket[] = []

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of servers.splice(0)) server.close()
})

/** A server that answers `/404/x` with that status, and any other address with 200; and the addresses in the order in which their requests began. */
async function serving(most?: number): Promise<{ server: Server; begun: string[] }> {
  const begun: string[] = []
  const answer: RequestListener = ({ url = '' }, response) => {
    begun.push(url)
    const [, status] = /^\/(\d{3})\//.exec(url) ?? []
    response.writeHead(Number(status ?? 200), { 'content-length': url.length }).end(url)
  }
  const server = createServer(strangersOneByOne(answer, most)).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return { server, begun }
}

/** A connection whose requests for these addresses have been answered, each before the next. */
async function connected(server: Server, ...addresses: string[]): Promise<Socket> {
  const { port } = server.address() as AddressInfo
  const accepted = once(server, 'connection')
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  sockets.push(socket)
  await Promise.all([accepted, once(socket, 'connect')])
  for (const address of addresses) {
    ask(socket, address)
    await once(socket, 'data')
  }
  return socket
}

/** With a key, as far as the server can tell, but for `/keyless`. */
function ask(socket: Socket, ...addresses: string[]): void {
  const keyOf = (address: string): string => (address === '/keyless' ? '' : 'authorization: Bearer key\r\n')
  const head = (address: string): string => `GET ${address} HTTP/1.1\r\nhost: localhost\r\n${keyOf(address)}\r\n`
  socket.write(addresses.map(head).join(''))
}

/** The bodies of so many answers, as they come. */
async function answersTo(socket: Socket, many: number): Promise<string[]> {
  let received = ''
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    received += String(chunk)
    const bodies = [...received.matchAll(/\r\n\r\n(\/[\w/-]*?)(?=HTTP|$)/g)].map(([, body]) => body ?? '')
    if (bodies.length === many) return bodies
  }
  throw new Error('the connection ended')
}

const crowd = 200

/** Connections that have asked for nothing yet. */
async function strangersOf(server: Server): Promise<Socket[]> {
  const strangers: Socket[] = []
  while (strangers.length < crowd) strangers.push(await connected(server))
  return strangers
}

test('who was answered well before does not wait behind strangers that came together before them', async () => {
  const { server, begun } = await serving()
  const known = await connected(server, '/known')
  const strangers = await strangersOf(server)
  for (const stranger of strangers) ask(stranger, '/stranger')
  ask(known, '/again')
  await Promise.all([...strangers, known].map((socket) => once(socket, 'data')))
  expect(begun).toHaveLength(crowd + 2)
  expect(begun.indexOf('/again')).toBeLessThan(crowd / 2)
})

test.each([
  ['whose last request was refused', ['/well', '/401/refused']],
  ['who asked for what is open to all', ['/health/live']],
  ['who sent no key', ['/keyless']],
  ['who asked for nothing', []],
])('%s is a stranger', async (_who, addresses) => {
  const { server, begun } = await serving()
  const one = await connected(server, ...addresses)
  const strangers = await strangersOf(server)
  for (const stranger of strangers) ask(stranger, '/stranger')
  ask(one, '/again')
  await Promise.all([...strangers, one].map((socket) => once(socket, 'data')))
  expect(begun.indexOf('/again')).toBeGreaterThan(crowd / 2)
})

test('a new connection does not wait behind all that another one has sent without waiting for answers', async () => {
  const { server, begun } = await serving()
  const [greedy, other] = [await connected(server), await connected(server)]
  const many = Array.from({ length: crowd }, (_, number) => `/greedy-${number}`)
  ask(greedy, ...many)
  ask(other, '/other')
  await Promise.all([answersTo(greedy, crowd), once(other, 'data')])
  expect(begun.indexOf('/other')).toBeLessThan(crowd / 2)
})

test('requests of one connection begin and are answered in their order, also once it is known', async () => {
  const { server, begun } = await serving()
  const socket = await connected(server)
  const many = Array.from({ length: crowd }, (_, number) => `/number-${number}`)
  const answers = answersTo(socket, crowd)
  ask(socket, ...many.slice(0, crowd / 2))
  while (begun.length < 2) await new Promise(setImmediate)
  expect(begun.length).toBeLessThan(crowd / 2)
  ask(socket, ...many.slice(crowd / 2))
  expect(await answers).toEqual(many)
  expect(begun).toEqual(many)
})

test('a connection that is closed while its request waits keeps no other from being answered', async () => {
  const { server, begun } = await serving()
  const strangers = await strangersOf(server)
  for (const stranger of strangers) ask(stranger, '/stranger')
  while (begun.length < 2) await new Promise(setImmediate)
  const [gone, ...others] = strangers.toReversed()
  gone?.destroy()
  await Promise.all(others.slice(0, crowd / 2).map((socket) => once(socket, 'data')))
  ask(await connected(server), '/later')
  while (!begun.includes('/later')) await new Promise(setImmediate)
  expect(begun).toHaveLength(crowd + 1)
})

test('no more wait than may, and all are answered', async () => {
  const most = 10
  const { server, begun } = await serving(most)
  const strangers = await strangersOf(server)
  let [arrived, mostWaiting] = [0, 0]
  server.on('request', () => (mostWaiting = Math.max(mostWaiting, ++arrived - begun.length)))
  for (const [number, stranger] of strangers.entries()) ask(stranger, `/number-${number}`)
  await Promise.all(strangers.map((stranger) => once(stranger, 'data')))
  expect(mostWaiting).toBe(most)
  expect(begun).toEqual(strangers.map((_, number) => `/number-${number}`))
})
