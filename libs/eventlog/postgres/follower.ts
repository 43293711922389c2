import { type AnyEvent, type EventName, eventNames, hears } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import { readDeadLetters, replayDeadLetters } from '../dead-letters.ts'
import { deliver } from '../deliver.ts'
import type { DeadLetter, Follower, FollowerState, Subscription } from '../port.ts'
import { loadPlace, lockPlace, type Place, samePlace, storePlace } from './place.ts'
import { type Page, readPage } from './read.ts'

const longestPause = 5_000
/** After a page that was not full: under load, one transaction then applies what several had appended. */
const breath = 25
/** The same after a page of more than so many events. */
const longBreath = 100
const many = 10
/** While only others' events pass by, the place is saved this often, so that a restart need not read past them again. */
const saveIdlePlaceEvery = 5_000

/**
 * Follows the log table for one group. Each batch is one transaction that locks the group's row, applies the events
 * and moves the place: two instances of a group never apply the same event, and a crash repeats nothing.
 */
export class PostgresFollower implements Follower {
  readonly group: string
  state: FollowerState = 'following'
  readonly #log: Database
  readonly #subscription: Subscription
  readonly #names: readonly EventName[]
  readonly #pollEvery: number
  readonly #finished: Promise<void>
  /** The place in the database, and the one reached since by passing over nothing but others' events. */
  #saved: Place | undefined
  #reached: Place | undefined
  #savedAt = 0
  #upTo: Date | undefined
  #caughtUpAt: Date | undefined
  /** When reading of what is being caught up with began. */
  #lookedAt: Date | undefined
  #endPause: (() => void) | undefined
  #woken = false
  #stopping = false

  constructor(log: Database, subscription: Subscription, pollEvery: number) {
    this.group = subscription.group
    this.#log = log
    this.#subscription = subscription
    this.#names = eventNames.filter((name) => subscription.patterns.some((pattern) => hears(pattern, name)))
    this.#pollEvery = pollEvery
    this.#finished = this.#run()
  }

  followedUpTo(): Date | undefined {
    return this.#upTo
  }

  caughtUpAt(): Date | undefined {
    return this.#caughtUpAt
  }

  unbrokenSince(): Date | undefined {
    return undefined
  }

  deadLetters(limit: number): Promise<DeadLetter[]> {
    return readDeadLetters(this.#subscription, limit)
  }

  replay(ids?: readonly string[]): Promise<{ applied: string[]; stillDead: string[] }> {
    return replayDeadLetters(this.#subscription, ids)
  }

  /** These were appended in this process: look now instead of at the next poll, if it hears any. A stalled follower keeps its pause. */
  wake(appended: readonly AnyEvent[]): void {
    if (!appended.some(({ name }) => this.#names.includes(name))) return
    this.#woken = true
    this.#endPause?.()
  }

  async stop(): Promise<void> {
    this.#stopping = true
    this.#endPause?.()
    await this.#finished
    this.state = 'stopped'
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#stopping) {
      try {
        this.#woken = false
        const found = await this.#step()
        failures = 0
        this.state = 'following'
        if (found === 'some') await this.#pause(breath)
        else if (found === 'many') await this.#pause(longBreath)
        else if (found === 'nothing' && !this.#woken) await this.#pause(this.#pollEvery, 'until woken')
      } catch (error) {
        const pause = Math.min(longestPause, 50 * 2 ** failures++)
        this.state = 'stalled'
        this.#saved = undefined
        this.#lookedAt = undefined
        this.#subscription.observe?.stalled?.(error, pause)
        await this.#pause(pause)
      }
    }
  }

  /** Applies the next page; a full one tells that there is more. */
  async #step(): Promise<'a full page' | 'many' | 'some' | 'nothing'> {
    if (this.#saved === undefined) this.#reached = this.#saved = await loadPlace(this.#subscription)
    const size = this.#subscription.batchSize ?? 500
    this.#lookedAt ??= new Date()
    const page = await readPage(this.#log, this.#reached ?? this.#saved, this.#names, size)
    const worthSaving = page.events.length > 0 || Date.now() - this.#savedAt > saveIdlePlaceEvery
    if (worthSaving && !(await this.#apply(page, this.#saved))) return 'some'
    this.#reached = page.next
    if (page.upTo !== undefined) {
      this.#upTo = page.upTo
      this.#caughtUpAt = this.#lookedAt
      this.#lookedAt = undefined
    }
    const found = page.events.length
    return found === size ? 'a full page' : found > many ? 'many' : found > 0 ? 'some' : 'nothing'
  }

  /** False when another instance of the group has moved on meanwhile: nothing was applied, and the place must be read anew. */
  async #apply(page: Page, saved: Place): Promise<boolean> {
    const { database, observe } = this.#subscription
    const began = performance.now()
    const transact = (): Promise<AnyEvent[] | undefined> =>
      database.transaction(async (transaction) => {
        if (this.#subscription.relaxed === true) transaction.send('SET LOCAL synchronous_commit TO off')
        if (!samePlace(await lockPlace(transaction, this.#subscription), saved)) return undefined
        const events = page.events.length === 0 ? [] : await deliver(this.#subscription, transaction, page.events)
        storePlace(transaction, this.#subscription, page.next, page.upTo)
        return events
      })
    const around = page.events.length === 0 ? undefined : observe?.around
    const applied = await (around === undefined ? transact() : around(page.events, transact))
    this.#saved = applied === undefined ? undefined : page.next
    this.#savedAt = Date.now()
    if (applied === undefined) return false
    if (applied.length > 0) observe?.applied?.(applied, { milliseconds: performance.now() - began })
    return true
  }

  async #pause(milliseconds: number, end?: 'until woken'): Promise<void> {
    if (this.#stopping) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      this.#endPause = () => {
        if (end === undefined && !this.#stopping) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#endPause = undefined
  }
}
