import { Redis } from 'ioredis'
import { z } from 'zod'
import { endsWithin } from '#libs/timing/index'
import type { State } from './channel.ts'
import { CacheError, type OnFailure } from './errors.ts'
import { readRedisUrl } from './redis-address.ts'

/** One connection to Redis that comes back by itself. */
export interface RedisLink {
  readonly state: State
  /**
   * Sends a command. Rejects with a CauseError: at once while Redis is away or 1,000 commands wait, and when the connection is lost
   * before the answer. Nothing is sent again.
   */
  call(command: string, ...words: (string | number)[]): Promise<unknown>
  /** Makes it a connection that listens. To be called again whenever Redis is reached. */
  listen(channel: string): Promise<void>
  /** After the answers to what was sent, or half a second. */
  close(): Promise<void>
}

export interface RedisLinkOptions {
  readonly url: string
  readonly onFailure: OnFailure
  /** Redis is reached, for the first time or again. */
  onUp?(): void
  /** Redis, which was reached, is lost. */
  onDown?(): void
  onMessage?(message: string): void
}

/** Why Redis did not do it, fit for a log: never with a command's words, which ioredis attaches to its own errors. */
export class CauseError extends Error {
  override readonly name = 'CauseError'
}

const pingMilliseconds = 1_000
/** Also what a half-open connection takes to be found out, after the next ping. */
const answerMilliseconds = 2_000
const longestPause = 2_000
const closeMilliseconds = 500
const mostWaiting = 1_000

/**
 * Connects at once, and again after 50 milliseconds to 2 seconds whenever the connection is lost, for ever. A connection that is
 * silent is given up after 3 seconds at most.
 * @throws CacheError url-invalid
 */
export function openRedisLink({ url, onFailure, onUp, onDown, onMessage }: RedisLinkOptions): RedisLink {
  const { host, port, database, username, password, tls } = readRedisUrl(url)
  let waiting = 0
  let up = false
  let told = false
  let closed = false
  let lastError = 'it closed the connection'
  const client = new Redis({
    host,
    port,
    db: database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
    retryStrategy: (times) => Math.min(longestPause, 25 * 2 ** Math.min(times, 10)) * (0.75 + Math.random() / 4),
    connectTimeout: answerMilliseconds,
    socketTimeout: answerMilliseconds,
    disconnectTimeout: answerMilliseconds,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    disableClientInfo: true,
    connectionName: 'latchkey',
  })
  client.on('error', (error: unknown) => (lastError = causeOf(error)))
  client.on('ready', () => {
    up = true
    told = false
    onUp?.()
  })
  client.on('close', () => {
    const wasUp = up
    up = false
    if (closed) return
    if (!told) {
      told = true
      onFailure(
        new CacheError(
          'redis-away',
          `Redis at ${host}:${port} is away (${lastError}): start it, or mend its address, password or certificate. It is tried again by itself.`,
        ),
      )
    }
    lastError = 'it closed the connection'
    if (wasUp) onDown?.()
  })
  client.on('message', (_channel: string, message: string) => onMessage?.(message))

  const call = async (command: string, ...words: (string | number)[]): Promise<unknown> => {
    if (!up) throw new CauseError('Redis is away')
    if (waiting >= mostWaiting) throw new CauseError('Redis has not answered the last 1,000 commands')
    waiting += 1
    try {
      return await client.call(command, words)
    } catch (error) {
      throw new CauseError(causeOf(error))
    } finally {
      waiting -= 1
    }
  }
  // Its answer is what keeps the connection from being taken for dead.
  const ping = setInterval(() => {
    if (up) client.ping().catch(() => {})
  }, pingMilliseconds).unref()

  return {
    get state() {
      return up ? 'connected' : 'away'
    },
    call,
    async listen(channel) {
      try {
        await client.subscribe(channel)
      } catch (error) {
        throw new CauseError(causeOf(error))
      }
    },
    async close() {
      if (closed) return
      closed = true
      clearInterval(ping)
      if (up) await endsWithin(closeMilliseconds, client.quit())
      client.disconnect()
    },
  }
}

const errorShape = z.object({ name: z.string(), message: z.string(), code: z.string().optional() })

/** Redis's own words, or the code of what the system said. */
function causeOf(error: unknown): string {
  const { name, message, code } = errorShape.safeParse(error).data ?? { name: '', message: '' }
  if (name === 'ReplyError') return message
  if (name === 'MaxRetriesPerRequestError') return 'the connection was lost'
  return code ?? (/timeout/i.test(message) ? 'it does not answer' : 'the connection was lost')
}
