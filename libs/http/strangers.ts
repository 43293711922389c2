import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { isOpen } from './request-target.ts'

/** Requests that wait at the most: each takes memory, and whoever does not wait for answers can send them without end (RFC 9112 section 9.3.2). */
const mostWaiting = 4_096

type Exchange = Parameters<RequestListener>

/**
 * Begins a request at once where with the last one of its connection a key or token was accepted, and those of all other connections one in each turn of the event loop, one of each connection in turn, however many
 * come together: a request takes several turns, one for each answer of a database, and each turn lasts as long as all that begins in it. Requests of one connection begin in their order. Where more
 * than `most` wait, the one whose turn is next begins with each that comes. What is to be known of the moment in which a request arrives has to be read before.
 */
export function strangersOneByOne(begin: RequestListener, most = mostWaiting): RequestListener {
  const acquainted = new WeakSet<Socket>()
  const strangers = new Map<Socket, Exchange[]>()
  let waiting = 0
  let goesOn = false

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
    goesOn = waiting > 0
    if (goesOn) setImmediate(turn)
    beginNext()
  }

  return (request, response) => {
    const { socket } = request
    response.once('finish', () => {
      if (proves(request, response)) acquainted.add(socket)
      else acquainted.delete(socket)
    })
    if (acquainted.has(socket) && !strangers.has(socket)) return begin(request, response)
    wait(request, response)
    if (goesOn) {
      if (waiting > most) beginNext()
      return
    }
    goesOn = true
    setImmediate(turn)
    beginNext()
  }
}

/** Whether a key or token was accepted, as far as the answer tells. What is open to all proves nothing, whatever is sent along. */
function proves({ headers, url = '' }: IncomingMessage, { statusCode }: ServerResponse): boolean {
  return statusCode < 400 && headers.authorization !== undefined && !isOpen(url)
}
