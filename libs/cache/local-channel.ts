import type { TrustChannel } from './channel.ts'
import { CacheError, type OnFailure } from './errors.ts'
import { Subscribers } from './subscribers.ts'

/** The channel of a single process: nothing is ever lost, so `onGap` is never called. Messages are heard in the next microtask. */
export function localChannel(onFailure: OnFailure): TrustChannel {
  const subscribers = new Subscribers(onFailure)
  let closed = false
  return {
    state: 'connected',
    publish(message) {
      if (closed) onFailure(new CacheError('publish-lost', 'The channel is closed: publish before it is.'))
      else queueMicrotask(() => subscribers.hear(message))
    },
    subscribe: (handler, onGap) => ({
      inForce: Promise.resolve(),
      unbrokenSince: undefined,
      end: subscribers.add({ handler, onGap }),
    }),
    async close() {
      closed = true
      subscribers.clear()
    },
  }
}
