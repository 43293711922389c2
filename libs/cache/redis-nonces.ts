import { CacheError, type OnFailure } from './errors.ts'
import type { Nonces, SignedNonce } from './nonces.ts'
import { openRedisLink } from './redis.ts'

export interface RedisNoncesOptions {
  /** `redis://` or, for TLS, `rediss://`, with user and password when Redis asks for them. */
  readonly url: string
  /** Begins each nonce's name in Redis. */
  readonly prefix: string
  readonly onFailure: OnFailure
}

const answerMilliseconds = 500

/**
 * The nonces of several processes, in Redis. A Redis that was emptied, or that ended without having stored them, knows them no more.
 * @throws CacheError url-invalid
 */
export function openRedisNonces({ url, prefix, onFailure }: RedisNoncesOptions): Nonces {
  const link = openRedisLink({ url, onFailure })
  let refused = false

  const take = async ({ signer, nonce }: SignedNonce, milliseconds: number): Promise<boolean | undefined> => {
    try {
      const answer = await link.call('SET', `${prefix}${signer} ${nonce}`, '', 'NX', 'PX', Math.ceil(milliseconds))
      refused = false
      return answer === 'OK'
    } catch (error) {
      if (link.state === 'connected' && !refused) {
        refused = true
        const why = error instanceof Error ? error.message : String(error)
        onFailure(
          new CacheError(
            'nonce-refused',
            `Redis does not keep nonces (${why}): allow SET to this user, and see that it has memory left.`,
          ),
        )
      }
      return undefined
    }
  }

  return {
    get state() {
      return link.state
    },
    async take(signed, milliseconds) {
      let impatience: NodeJS.Timeout | undefined
      const late = new Promise<undefined>((settle) => {
        impatience = setTimeout(() => settle(undefined), answerMilliseconds)
      })
      try {
        return await Promise.race([take(signed, milliseconds), late])
      } finally {
        clearTimeout(impatience)
      }
    },
    close: () => link.close(),
  }
}
