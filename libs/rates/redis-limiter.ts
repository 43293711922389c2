import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible'
import { type OnFailure, openRedisLink, type RedisLink } from '#libs/cache/index'
import type { Limiter, Rate } from './limiter.ts'
import { MemoryLimiter } from './memory-limiter.ts'

export interface RedisLimiterOptions {
  /** `redis://` or, for TLS, `rediss://`, with user and password when Redis asks for them. */
  readonly url: string
  /** Begins each key's name in Redis. */
  readonly prefix: string
  readonly onFailure: OnFailure
}

/** Milliseconds after which the other processes know what was let pass here. */
const shareEvery = 100
/** What is not told yet is at the most such a part of the rate: whoever sends little is not worth a word. */
const worthTelling = 50
/** Milliseconds after which a window is over in Redis too. */
const windowSlack = 10
/** Subjects that are remembered for that; those beyond are counted by this process alone. */
const mostShared = 50_000

/**
 * The limiter of several processes. Each lets pass what it has itself not had too much of, and tells Redis a moment later; where all together
 * had too much, each of them refuses until the window ends, and what was too much counts in the next. So what passes is at most the rate in the long run, and
 * for a moment what each process lets pass before it has told; while Redis is away each process counts alone.
 * @throws CacheError url-invalid
 */
export function openRedisLimiter({ url, prefix, onFailure }: RedisLimiterOptions): Limiter {
  const link = openRedisLink({ url, onFailure })
  const here = new MemoryLimiter()
  const shared = new RateLimiterRedis({
    storeClient: scriptsOver(link),
    keyPrefix: `${prefix}rate`,
    points: 1,
    duration: 1,
    insuranceLimiter: new RateLimiterMemory({ keyPrefix: 'insurance', points: 1, duration: 1 }),
  })
  const untold = new Map<string, { count: number; readonly rate: Rate; readonly since: number }>()
  const owing = new Set<NodeJS.Timeout>()
  let telling: NodeJS.Timeout | undefined
  let closed = false

  const tell = async (subject: string, count: number, { points, seconds }: Rate): Promise<void> => {
    // Redis counts in whole seconds.
    const whole = Math.ceil(seconds)
    const { consumedPoints, msBeforeNext } = await shared.penalty(subject, count, { customDuration: whole })
    const most = Math.ceil((points * whole) / seconds)
    if (consumedPoints < most) return
    // Who had too much refuses for as much of the next window too, and the others find it counted there.
    const excess = Math.min(count, consumedPoints - most)
    await here.block(subject, msBeforeNext + (excess / most) * whole * 1_000)
    if (excess > 0) tellLater(subject, excess, { points, seconds }, msBeforeNext)
  }
  const tellLater = (subject: string, excess: number, rate: Rate, milliseconds: number): void => {
    if (closed || owing.size >= mostShared) return
    const timer = setTimeout(() => {
      owing.delete(timer)
      tell(subject, excess, rate).catch(() => undefined)
    }, milliseconds + windowSlack).unref()
    owing.add(timer)
  }
  const tellSoon = (): void => {
    if (!closed) telling ??= setTimeout(tellAll, shareEvery).unref()
  }
  const tellAll = (): void => {
    telling = undefined
    const now = performance.now()
    for (const [subject, { count, rate, since }] of untold) {
      const isWorthIt = count >= Math.max(1, rate.points / worthTelling)
      if (isWorthIt) tell(subject, count, rate).catch(() => undefined)
      if (isWorthIt || now - since > rate.seconds * 1_000) untold.delete(subject)
    }
    if (untold.size > 0) tellSoon()
  }

  return {
    async take(subject, rate) {
      const refused = await here.take(subject, rate)
      if (refused !== undefined || closed) return refused
      const known = untold.get(subject)
      if (known !== undefined) known.count++
      else if (untold.size < mostShared) untold.set(subject, { count: 1, rate, since: performance.now() })
      tellSoon()
      return undefined
    },
    look: (subject, rate) => here.look(subject, rate),
    async close() {
      closed = true
      clearTimeout(telling)
      for (const timer of owing) clearTimeout(timer)
      await link.close()
    },
  }
}

/** As much of a client as the library needs: a command of its own, which is a script. */
function scriptsOver(link: RedisLink) {
  let script = ''
  return {
    defineCommand(_name: string, { lua }: { readonly lua: string }): void {
      script = lua
    },
    rlflxIncr: ([key = '', ...rest]: readonly string[]): Promise<unknown> => link.call('EVAL', script, 1, key, ...rest),
  }
}
