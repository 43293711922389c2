import { type AnyEvent, makeEvent } from '#libs/events/index'
import type { Database, Queryable, Transaction } from '#libs/postgres/index'
import { FollowerTables } from '../follower-tables.ts'
import type { EventLog, Follower, Subscription } from '../port.ts'

/** What differs from adapter to adapter: one fresh, empty log with its servers. */
export interface Harness {
  readonly log: EventLog
  /** Holds what publishers and followers keep. */
  readonly database: Database
  /** The same log as another process would open it. */
  another(): Promise<EventLog>
  /** Puts an event on the log whose payload is this text, whatever it is. */
  appendText(event: AnyEvent, payload: string): Promise<void>
  /** Stops everything under the log at once, and starts it again after `meanwhile`. */
  outage(meanwhile: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

export type OpenHarness = () => Promise<Harness>

export async function createTables(database: Queryable): Promise<void> {
  await database.query('CREATE SCHEMA follower')
  for (const statement of FollowerTables.create('follower').split(';')) {
    if (statement.trim() !== '') await database.query(statement)
  }
  await database.query('CREATE TABLE follower.effect (number bigserial, id uuid, key text, version integer)')
  await database.query('CREATE TABLE follower.subject (id text PRIMARY KEY, version integer NOT NULL)')
}

export function told(subject: string, version: number): AnyEvent {
  return makeEvent(
    'tenant.created',
    { source: 'keys', subject, owner: 'conformance', version, time: new Date() },
    { tenant: subject, name: `${subject} ${version}` },
  ) as AnyEvent
}

export function append(harness: Harness, events: readonly AnyEvent[]): Promise<void> {
  return harness.database.transaction(async (transaction) => harness.log.append(transaction, events))
}

/** The next version of a subject the way services make it: under the lock of its row. */
export async function nextOf(transaction: Transaction, subject: string): Promise<AnyEvent> {
  const [row] = await transaction.query<{ version: number }>(
    `INSERT INTO follower.subject AS held (id, version) VALUES ($1, 1)
     ON CONFLICT (id) DO UPDATE SET version = held.version + 1 RETURNING version`,
    [subject],
  )
  return told(subject, row?.version ?? 0)
}

export async function appendNext(harness: Harness, transaction: Transaction, subject: string): Promise<void> {
  harness.log.append(transaction, [await nextOf(transaction, subject)])
}

export interface Watch {
  readonly follower: Follower
  /** Sizes of the batches that were handed over. */
  readonly batches: number[]
  readonly buried: string[]
  readonly stalls: unknown[]
}

/** Follows every tenant event into the table `follower.effect`. */
export function follow(log: EventLog, database: Database, options: Partial<Subscription> = {}): Watch {
  const batches: number[] = []
  const buried: string[] = []
  const stalls: unknown[] = []
  const follower = log.follow({
    group: 'conformance',
    patterns: ['tenant.*'],
    database,
    schema: 'follower',
    handle: (events, { transaction }) => {
      batches.push(events.length)
      return recordEffects(transaction, events)
    },
    observe: {
      buried: ({ reason }) => void buried.push(reason),
      stalled: (error) => void stalls.push(error),
    },
    ...options,
  })
  return { follower, batches, buried, stalls }
}

export async function recordEffects(transaction: Transaction, events: readonly AnyEvent[]): Promise<void> {
  await transaction.query(
    'INSERT INTO follower.effect (id, key, version) SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[])',
    [events.map((event) => event.id), events.map((event) => event.key), events.map((event) => event.version)],
  )
}

export interface Effect {
  readonly id: string
  readonly key: string
  readonly version: number
}

export function effects(database: Queryable): Promise<Effect[]> {
  return database.query('SELECT id, key, version FROM follower.effect ORDER BY number')
}

/** Versions in the order in which they took effect, by key. */
export function versionsByKey(all: readonly Effect[]): Map<string, number[]> {
  const versions = new Map<string, number[]>()
  for (const { key, version } of all) versions.set(key, [...(versions.get(key) ?? []), version])
  return versions
}

export function counted(to: number): number[] {
  return Array.from({ length: to }, (_, index) => index + 1)
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

/** Resolves once the follower has done all that was committed before now. */
export async function caughtUp(follower: Follower): Promise<void> {
  const now = Date.now()
  await until(() => (follower.followedUpTo()?.getTime() ?? 0) > now)
}

export async function effectsReach(database: Queryable, count: number): Promise<void> {
  await until(async () => (await effectCount(database)) >= count)
}

/** How many there are, without reading them all. */
export async function effectCount(database: Queryable): Promise<number> {
  const [row] = await database.query<{ effects: number }>('SELECT count(*) AS effects FROM follower.effect')
  return row?.effects ?? 0
}
