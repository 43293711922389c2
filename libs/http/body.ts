import type { IncomingMessage } from 'node:http'

export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
  readonly limitBytes: number

  constructor(limitBytes: number) {
    super(`the body is larger than ${limitBytes} bytes`)
    this.limitBytes = limitBytes
  }
}

/** The client went away, or the server's request time-out ended the connection, before the body was whole. */
export class BodyAborted extends Error {
  override readonly name = 'BodyAborted'

  constructor() {
    super('the connection ended before the body was complete')
  }
}

/** It breaks the rules of HTTP, so that nothing more of the connection can be read. */
export class BodyUnreadable extends Error {
  override readonly name = 'BodyUnreadable'
  /** Cause and fix. */
  readonly detail: string

  constructor(detail: string) {
    super('the body breaks the rules of HTTP')
    this.detail = detail
  }
}

export class BodyTimedOut extends Error {
  override readonly name = 'BodyTimedOut'

  constructor(timeoutMs: number) {
    super(`the body was not complete after ${timeoutMs} ms`)
  }
}

declare module 'node:http' {
  interface IncomingMessage {
    /** Why its body cannot be read any further. */
    bodyFault?: BodyUnreadable | BodyAborted
  }
}

const becameUnreadable = Symbol('becameUnreadable')
/** Of a body that did not come to its end. */
const endings = ['error', 'close', becameUnreadable] as const

/** Whoever reads or drains the body, or begins to, hears of it at once. */
export function breakBody(request: IncomingMessage, fault: BodyUnreadable | BodyAborted): void {
  request.bodyFault = fault
  request.emit(becameUnreadable)
}

/**
 * The whole body, which nobody may have begun to read. A body whose Content-Length is over the limit is refused
 * without reading; one that grows over it, as soon as it does. The rest is left on the connection, for the server to
 * drop or to drain.
 * @throws BodyTooLarge, BodyUnreadable, BodyAborted, BodyTimedOut (only where `timeoutMs` is given)
 */
export function readBody(request: IncomingMessage, limitBytes: number, timeoutMs?: number): Promise<Buffer> {
  if (declaredLength(request) > limitBytes) return Promise.reject(new BodyTooLarge(limitBytes))
  if (request.readableEnded) return Promise.reject(new Error('the body was read already'))
  if (request.bodyFault !== undefined || request.destroyed)
    return Promise.reject(request.bodyFault ?? new BodyAborted())
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => fail(new BodyTimedOut(timeoutMs)), timeoutMs)

    function onData(chunk: Buffer) {
      length += chunk.length
      if (length > limitBytes) fail(new BodyTooLarge(limitBytes))
      else chunks.push(chunk)
    }
    function onEnd() {
      stop()
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, length))
    }
    function onClose() {
      fail(request.bodyFault ?? new BodyAborted())
    }
    function fail(error: Error) {
      stop()
      request.pause()
      reject(error)
    }
    function stop() {
      clearTimeout(timer)
      request.off('data', onData).off('end', onEnd)
      for (const event of endings) request.off(event, onClose)
    }
    request.on('data', onData).on('end', onEnd)
    for (const event of endings) request.on(event, onClose)
  })
}

/**
 * Reads what is left of a body and drops it, so that a client that is still sending hears the answer and the
 * connection can be used again. Never throws.
 * @returns whether the end was reached within `limitBytes` more bytes and `timeoutMs`
 */
export async function drainBody(request: IncomingMessage, limitBytes: number, timeoutMs: number): Promise<boolean> {
  if (request.complete) return true
  if (request.bodyFault !== undefined || request.destroyed || declaredLength(request) > limitBytes) return false
  const ended = Promise.withResolvers<boolean>()
  let length = 0
  const onData = (chunk: Buffer) => {
    length += chunk.length
    if (length > limitBytes) ended.resolve(false)
  }
  const onEnd = () => ended.resolve(true)
  const onClose = () => ended.resolve(request.complete)
  const timer = setTimeout(() => ended.resolve(false), timeoutMs)
  request.on('data', onData).on('end', onEnd)
  for (const event of endings) request.on(event, onClose)
  request.resume()
  const whole = await ended.promise
  clearTimeout(timer)
  request.off('data', onData).off('end', onEnd)
  for (const event of endings) request.off(event, onClose)
  if (!whole) request.pause()
  return whole
}

/** 0 where the length is not declared (chunked, or no body). */
function declaredLength(request: IncomingMessage): number {
  return Number(request.headers['content-length'] ?? 0)
}
