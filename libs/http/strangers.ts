import type { RequestListener } from 'node:http'
import type { Socket } from 'node:net'

/** Requests that wait at the most: each takes memory, and whoever does not wait for answers can send them without end (RFC 9112 section 9.3.2). */
const mostWaiting = 4_096

type Exchange = Parameters<RequestListener>

/**
 * Begins a request at once where the last one of its connection was answered well (below 400). Those of all other connections begin one in each turn of the event loop, and one of each connection in
 * turn, however many come together: a request takes several turns, one for each answer of a database, and each turn lasts as long as all that begins in it. Requests of one connection begin in
 * their order. Where `most` wait already, another one begins with each that comes.
 */
export function strangersOneByOne(begin: RequestListener, most = mostWaiting): RequestListener {
  const acquainted = new WeakSet<Socket>()
  const strangers = new Map<Socket, Exchange[]>()
  let waiting = 0
  let hasBegun = false

  const wait = (...exchange: Exchange): void => {
    const { socket } = exchange[0]
    const before = strangers.get(socket)
    if (before === undefined) strangers.set(socket, [exchange])
    else before.push(exchange)
    waiting++
  }

  const beginNext = (): void => {
    const [first] = strangers
    if (first === undefined) return
    const [socket, exchanges] = first
    const next = exchanges.shift()
    strangers.delete(socket)
    if (exchanges.length > 0) strangers.set(socket, exchanges)
    waiting--
    if (next !== undefined) begin(...next)
  }

  const turn = (): void => {
    hasBegun = waiting > 0
    if (hasBegun) setImmediate(turn)
    beginNext()
  }

  return (request, response) => {
    const { socket } = request
    response.once('finish', () => {
      if (response.statusCode < 400) acquainted.add(socket)
      else acquainted.delete(socket)
    })
    if (acquainted.has(socket) && !strangers.has(socket)) return begin(request, response)
    wait(request, response)
    if (hasBegun) {
      if (waiting > most) beginNext()
      return
    }
    hasBegun = true
    setImmediate(turn)
    beginNext()
  }
}
