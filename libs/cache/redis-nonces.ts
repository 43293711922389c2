import { z } from 'zod'
import { CacheError, type OnFailure } from './errors.ts'
import type { Nonces, SignedNonce } from './nonces.ts'
import { openRedisLink } from './redis.ts'
import { type KeptAhead, TakenAhead } from './taken-ahead.ts'

export interface RedisNoncesOptions {
  /** `redis://` or, for TLS, `rediss://`, with user and password when Redis asks for them. */
  readonly url: string
  /** Begins each name in Redis. */
  readonly prefix: string
  /** Reads what was kept by stores that ended before `since`, and keeps more, where all processes find it and no outage of Redis touches it. */
  readonly ahead: (since: Date) => Promise<KeptAhead>
  readonly onFailure: OnFailure
}

/** What Redis holds since it was last started or emptied, or evicted something. */
interface Store {
  /** As Redis has it: when this store began, in milliseconds by the clock of Redis, the run of the server, and how many names it had evicted by then. */
  readonly name: string
  readonly since: number
  /** Read once something comes that this store may take, and again after a failure. */
  ahead?: Promise<TakenAhead>
}

/** Redis is waited for as long as this, in so many looks: what this process itself stands still counts as one of them, since an answer may have come meanwhile. */
const answerMilliseconds = 500
const looks = 10
/** Another machine, whose clock is behind by as much at the most, may have taken over from the Redis that ended. */
const clockSlack = 2_000
/** One for a store that has ended, and one for what lies ahead; each again, should Redis end meanwhile. */
const mostRounds = 4

/**
 * Keys are the name of the store, and the nonce. Given are the store that the process goes by, when the signature was created, `kept` where a store after this one
 * would know of it, and how long the nonce is remembered. All of it is one step: there is no moment at which a nonce is taken in another store than the one that was meant. A
 * server that has started anew may have found less on its disk than it had, or have been another one's replica, and one that evicts may have evicted a nonce, so both are part of
 * the name.
 */
const script = `
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
local evicted = string.match(redis.call('INFO', 'stats'), 'evicted_keys:(%d+)')
if not run or not evicted then return redis.error_reply('INFO tells no run_id or no evicted_keys') end
local holder = run .. ' ' .. evicted
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local store = redis.call('GET', KEYS[1])
if not store or string.match(store, '^%d+ (.*)$') ~= holder then
  store = string.format('%.0f %s', now, holder)
  redis.call('SET', KEYS[1], store)
end
if store ~= ARGV[1] then return {'store', store} end
if tonumber(ARGV[2]) > now and ARGV[3] ~= 'kept' then return {'ahead', now} end
if redis.call('SET', KEYS[2], '', 'NX', 'PX', ARGV[4]) then return {'taken'} end
return {'used'}`

const answers = z.union([
  z.tuple([z.literal('store'), z.string()]),
  z.tuple([z.literal('ahead'), z.number()]),
  z.tuple([z.literal('taken')]),
  z.tuple([z.literal('used')]),
])

function partsOf(name: string): readonly [since: number, run?: string, evicted?: string] {
  const [since, run, evicted] = name.split(' ')
  return [Number(since), run, evicted]
}

/**
 * The nonces of several processes, in Redis. It may be emptied, restarted or replaced by its replica, or evict, at any time: what was created before that, or may have been taken
 * before it although it lay ahead, is not known from then on. Clocks that follow one another there must agree within two seconds.
 * @throws CacheError url-invalid
 */
export function openRedisNonces({ url, prefix, ahead, onFailure }: RedisNoncesOptions): Nonces {
  let store: Store | undefined
  let refused = false
  const tell = (fault: 'nonce-refused' | 'ahead-unread', text: string, cause: unknown): void => {
    if (!refused) onFailure(new CacheError(fault, text, { cause }))
    refused = true
  }
  const link = openRedisLink({
    url,
    onFailure,
    onUp() {
      // So that the store has begun long before the first request.
      learn()
        .then(openAhead)
        .catch(() => undefined)
      lookAtPolicy().catch(() => undefined)
    },
  })
  const lookAtPolicy = async (): Promise<void> => {
    const memory = String(await link.call('INFO', 'memory'))
    const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1] ?? 'noeviction'
    if (policy === 'noeviction' || /^maxmemory:0\s/m.test(memory)) return
    onFailure(
      new CacheError(
        'redis-evicts',
        `Redis evicts what it needs when its memory is full (maxmemory-policy ${policy}), and after each time signed requests of before are answered 503: set it to noeviction.`,
      ),
    )
  }

  const ask = async (words: { nonce: string; store: string; created: number; kept: boolean; lifetime: number }) => {
    const keys = [`${prefix}store`, `${prefix}${words.nonce}`]
    const given = [words.store, words.created, words.kept ? 'kept' : '', Math.ceil(words.lifetime)]
    try {
      return answers.parse(await link.call('EVAL', script, keys.length, ...keys, ...given))
    } catch (error) {
      if (link.state === 'connected') {
        const why = error instanceof Error ? error.message : String(error)
        tell(
          'nonce-refused',
          `Redis does not keep nonces (${why}): allow EVAL, INFO, TIME, GET and SET to this user, and see that it has memory left.`,
          error,
        )
      }
      throw error
    }
  }
  const goBy = (name: string): Store => {
    if (store?.name === name) return store
    const [since, run, evicted] = partsOf(name)
    const [, runBefore, evictedBefore] = partsOf(store?.name ?? '')
    if (run === runBefore && evicted !== evictedBefore) {
      onFailure(
        new CacheError(
          'redis-evicts',
          'Redis has evicted something, maybe nonces, so signed requests of before are answered 503: set its maxmemory-policy to noeviction, and see that it has memory left.',
        ),
      )
    }
    store = { name, since }
    return store
  }
  const openAhead = (of: Store): Promise<TakenAhead> => {
    of.ahead ??= ahead(new Date(of.since)).then(
      (kept) => new TakenAhead(kept),
      (error: unknown) => {
        delete of.ahead
        tell(
          'ahead-unread',
          'What was signed ahead of the clock before Redis was started or emptied cannot be read, so no nonce is taken: see that Postgres answers. It is tried again by itself.',
          error,
        )
        throw error
      },
    )
    return of.ahead
  }
  const learn = async (): Promise<Store> => {
    const [, name] = await ask({ nonce: '', store: '', created: 0, kept: false, lifetime: 1 })
    return goBy(String(name))
  }

  const take = async ({ signer, nonce, created }: SignedNonce, lifetime: number): Promise<boolean | undefined> => {
    const made = created.getTime()
    for (let round = 0; round < mostRounds; round++) {
      const current = store ?? (await learn())
      const { name, since } = current
      if (made <= since + clockSlack) return undefined
      // Of a Redis that evicts, nearly each request meets a new store: one that has ended, or refuses this anyway, costs Postgres nothing.
      if (current.ahead === undefined && (await learn()) !== current) continue
      const takenAhead = await openAhead(current)
      if (takenAhead.wasKept(signer, made)) return undefined
      const kept = (await takenAhead.kept(signer, made)) === true
      const [answer, told] = await ask({ nonce: `${signer} ${nonce}`, store: name, created: made, kept, lifetime })
      if (answer === 'taken' || answer === 'used') {
        refused = false
        return answer === 'taken'
      }
      if (answer === 'store') goBy(told)
      else if (!(await takenAhead.keep(signer, made, told))) return undefined
    }
    return undefined
  }

  return {
    get state() {
      return link.state
    },
    async take(signed, milliseconds) {
      let impatience: NodeJS.Timeout | undefined
      const late = new Promise<undefined>((settle) => {
        const look = (left: number): void => {
          if (left === 0) settle(undefined)
          else impatience = setTimeout(() => look(left - 1), answerMilliseconds / looks)
        }
        look(looks)
      })
      try {
        return await Promise.race([take(signed, milliseconds).catch(() => undefined), late])
      } finally {
        clearTimeout(impatience)
      }
    },
    close: () => link.close(),
  }
}
