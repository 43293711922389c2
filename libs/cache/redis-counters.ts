import type { Counters } from './counters.ts'
import { CacheError, type OnFailure } from './errors.ts'
import { openRedisLink } from './redis.ts'

export interface RedisCountersOptions {
  /** `redis://` or, for TLS, `rediss://`, with user and password when Redis asks for them. */
  readonly url: string
  /** Begins each key's name in Redis. */
  readonly prefix: string
  readonly onFailure: OnFailure
}

const answerMilliseconds = 100

/** Redis runs a script as one step, in which time stands still. */
const addInWindow = `
local sum = redis.call('INCRBY', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return sum`

/**
 * The counters of several processes, in Redis. A Redis that was emptied or ended counts from nothing.
 * @throws CacheError url-invalid
 */
export function openRedisCounters({ url, prefix, onFailure }: RedisCountersOptions): Counters {
  const link = openRedisLink({ url, onFailure })
  let refused = false

  const count = async (key: string, windowMilliseconds: number, by: number): Promise<number | undefined> => {
    try {
      const sum = await link.call('EVAL', addInWindow, 1, `${prefix}${key}`, by, windowMilliseconds)
      refused = false
      return typeof sum === 'number' ? sum : undefined
    } catch (error) {
      if (link.state === 'connected' && !refused) {
        refused = true
        const why = error instanceof Error ? error.message : String(error)
        onFailure(new CacheError('count-refused', `Redis does not count (${why}): allow EVAL to this user.`))
      }
      return undefined
    }
  }

  return {
    get state() {
      return link.state
    },
    async add(key, windowMilliseconds, by = 1) {
      let impatience: NodeJS.Timeout | undefined
      const late = new Promise<undefined>((settle) => {
        impatience = setTimeout(() => settle(undefined), answerMilliseconds)
      })
      try {
        return await Promise.race([count(key, windowMilliseconds, by), late])
      } finally {
        clearTimeout(impatience)
      }
    },
    close: () => link.close(),
  }
}
