import type { TrustChannel } from './channel.ts'
import { CacheError, type OnFailure } from './errors.ts'
import { Subscribers } from './subscribers.ts'

/**
 * The channel within one process: nothing is ever lost there, so `onGap` is never called. Messages are heard in the next microtask.
 * `among` tells whether that process is all there is.
 */
export function localChannel(onFailure: OnFailure, among: 'one process' | 'several processes'): TrustChannel {
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
      unbrokenSince: among === 'one process' ? Date.now() : undefined,
      end: subscribers.add({ handler, onGap }),
    }),
    async close() {
      closed = true
      subscribers.clear()
    },
  }
}
