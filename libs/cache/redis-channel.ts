import type { State, TrustChannel } from './channel.ts'
import { CacheError, type OnFailure } from './errors.ts'
import { openRedisLink, type RedisLink } from './redis.ts'
import { Subscribers } from './subscribers.ts'

export interface RedisChannelOptions {
  /** `redis://` or, for TLS, `rediss://`, with user and password when Redis asks for them. */
  readonly url: string
  /** Begins the channel's name in Redis, so that several installations can share one. */
  readonly prefix: string
  readonly onFailure: OnFailure
  /** Told when `state` changes; it begins as `away`. */
  readonly onState?: (state: State) => void
}

const gap = '!'
const retryMilliseconds = 1_000

/**
 * The channel of several processes, over Redis publish and subscribe: one connection to publish, and one to listen once there is a
 * subscriber. Redis may be away at opening and at any time; a connection that is silent counts as lost after 3 seconds.
 * @throws CacheError url-invalid
 */
export function openRedisChannel({ url, prefix, onFailure, onState }: RedisChannelOptions): TrustChannel {
  const name = `${prefix}trust`
  const subscribers = new Subscribers(onFailure)
  /** A message of ours was lost, and the subscribers have not been told of the gap. */
  let owing = false
  let closed = false
  let listener: Listener | undefined

  const publisher = openRedisLink({
    url,
    onFailure,
    onUp() {
      payGap()
      changed()
    },
    onDown: () => changed(),
  })

  const state = (): State =>
    publisher.state === 'connected' && (listener === undefined || listener.inForce()) ? 'connected' : 'away'
  let known: State = 'away'
  const changed = () => {
    if (closed || state() === known) return
    known = state()
    onState?.(known)
  }

  const lost = (why: string) => {
    owing = true
    onFailure(
      new CacheError(
        'publish-lost',
        `A message to the other processes was not sent (${why}): they hear of a gap when Redis is back, and until then go by what they remember.`,
      ),
    )
  }

  const payGap = () => {
    if (!owing) return
    owing = false
    publisher.call('PUBLISH', name, gap).catch(() => (owing = true))
  }

  return {
    get state() {
      return state()
    },
    publish(message) {
      if (closed) return lost('the channel is closed')
      publisher.call('PUBLISH', name, `=${message}`).then(payGap, (error: Error) => lost(error.message))
    },
    subscribe(handler, onGap) {
      const listening = (listener ??= openListener({ url, name, onFailure, subscribers, changed }))
      const end = subscribers.add({ handler, onGap })
      const began = Date.now()
      return {
        inForce: listening.firstInForce,
        get unbrokenSince() {
          const since = listening.unbrokenSince()
          return since === undefined ? undefined : Math.max(since, began)
        },
        end,
      }
    },
    async close() {
      closed = true
      subscribers.clear()
      await Promise.all([publisher.close(), listener?.close()])
    },
  }
}

interface Listener {
  readonly firstInForce: Promise<void>
  inForce(): boolean
  unbrokenSince(): number | undefined
  close(): Promise<void>
}

interface ListenerOptions {
  readonly url: string
  readonly name: string
  readonly onFailure: OnFailure
  readonly subscribers: Subscribers
  readonly changed: () => void
}

function openListener({ url, name, onFailure, subscribers, changed }: ListenerOptions): Listener {
  const { promise: firstInForce, resolve: settle } = Promise.withResolvers<void>()
  let unbrokenSince: number | undefined
  let refused = false
  let closed = false
  let retry: NodeJS.Timeout | undefined

  const broken = (since: number | undefined) => {
    unbrokenSince = since
    subscribers.gap()
  }

  const listen = async () => {
    try {
      await link.listen(name)
      refused = false
      // Whatever was published before this moment was missed.
      broken(Date.now())
      settle()
      changed()
    } catch (error) {
      // A lost connection is told by the link, and the next one listens anew.
      if (closed || link.state === 'away') return
      if (!refused) {
        const why = error instanceof Error ? error.message : String(error)
        onFailure(
          new CacheError('subscribe-refused', `Redis refuses to subscribe to ${name} (${why}): allow it to this user.`),
        )
      }
      refused = true
      retry = setTimeout(() => void listen(), retryMilliseconds).unref()
    }
  }
  const link: RedisLink = openRedisLink({
    url,
    onFailure,
    onUp: () => void listen(),
    onDown: () => {
      clearTimeout(retry)
      broken(undefined)
      changed()
    },
    onMessage: (message) => (message === gap ? broken(Date.now()) : subscribers.hear(message.slice(1))),
  })
  return {
    firstInForce,
    inForce: () => unbrokenSince !== undefined,
    unbrokenSince: () => unbrokenSince,
    async close() {
      closed = true
      clearTimeout(retry)
      await link.close()
    },
  }
}
