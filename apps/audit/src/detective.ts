import type { EventLog } from '#libs/eventlog/index'
import type { Payload, RequestDecided } from '#libs/events/index'
import type { Database, Transaction } from '#libs/postgres/index'
import { addressedConnection } from './detections/addressed-connection.ts'
import { detectionRaised, occur } from './detections/detection.ts'
import type { Place } from './detections/rule.ts'
import { misplaced, type RuleCode } from './detections/rules.ts'
import { seenIn, type Subject } from './detections/sightings.ts'
import type { Thresholds } from './detections/thresholds.ts'
import { becomes, fallSilent, type Occurrence, silentFrom, watch, type Watched } from './detections/watched.ts'
import { identityOf, lockDetections, storeDetections, writeDurably } from './store/detections.ts'
import { followedUpTo } from './store/followed.ts'
import {
  forgetWatched,
  isAloneWithSilence,
  keyOf,
  lockSilent,
  lockWatched,
  placesOf,
  type Remembered,
  storeWatched,
} from './store/watched.ts'

export interface DetectiveParts {
  readonly log: Pick<EventLog, 'append'>
  readonly thresholds: Thresholds
  readonly clock: () => Date
  /** Told of each detection that was raised, once that is durable. */
  readonly raised: (rule: RuleCode) => void
}

/**
 * Holds the rules against what was decided. All that it counts, raises and publishes is written in the transaction of the follower that hears
 * of it: exactly once, whatever is delivered again. Late requests count at the time at which they were received.
 */
export class Detective {
  readonly #parts: DetectiveParts

  constructor(parts: DetectiveParts) {
    this.#parts = parts
  }

  /** To be given each decision once. */
  async decided(transaction: Transaction, decisions: readonly RequestDecided[]): Promise<void> {
    const { thresholds, clock } = this.#parts
    const now = clock()
    const places = await this.#surroundings(transaction, decisions)
    const seen = seenIn(decisions, thresholds, { placeOf: (id) => places.get(id) }, now)
    const known = await lockWatched(
      transaction,
      seen.map(({ subject }) => subject),
      now,
    )
    const rows: Remembered[] = []
    const occurrences: Occurrence[] = []
    for (const each of seen) {
      const before = known.get(keyOf(each.subject))
      if (before === undefined) continue
      const { after, occurrences: found } = watch(before.state, each, thresholds)
      const tenant = each.sightings.at(-1)?.tenant ?? before.tenant
      rows.push({ subject: each.subject, tenant, state: after, silentFrom: silentFrom(after, thresholds) })
      occurrences.push(...found)
    }
    storeWatched(transaction, rows, now)
    await this.#tell(transaction, occurrences, now)
  }

  /** Another key has taken the place of this one, since then. */
  async replaced(transaction: Transaction, key: string, tenant: string, since: Date): Promise<void> {
    await this.#note(transaction, { kind: 'key', id: key }, tenant, (state) => ({
      ...state,
      retired: { at: since.getTime(), uses: 0 },
    }))
  }

  /** Then the key was to be replaced no more: it has ended, and its use is told of as that, or it is the one that is left. What came after stays. */
  async notReplaced(transaction: Transaction, key: string, then: Date): Promise<void> {
    const now = this.#parts.clock()
    const known = await lockWatched(transaction, [{ kind: 'key', id: key }], now, 'known')
    for (const { state, ...row } of known.values()) {
      const { retired, ...others } = state
      if (retired === undefined || retired.at > then.getTime()) continue
      storeWatched(transaction, [{ ...row, state: others, silentFrom: undefined }], now)
    }
  }

  async connectionIs(
    transaction: Transaction,
    { connection, tenant, environment, state }: Payload<'connection.created'>,
    since: Date,
  ): Promise<void> {
    await this.#note(transaction, { kind: 'connection', id: connection }, tenant, (before) =>
      becomes(before, { environment, enabled: state === 'enabled' }, since),
    )
  }

  async connectionGone(transaction: Transaction, connection: string): Promise<void> {
    await forgetWatched(transaction, [{ kind: 'connection', id: connection }])
  }

  /** Tells of connections that have been silent for longer than usual. Of several processes one at a time looks. */
  async lookForSilence(database: Database): Promise<void> {
    const { thresholds, clock } = this.#parts
    await database.transaction(async (transaction) => {
      if (!(await isAloneWithSilence(transaction))) return
      const upTo = await followedUpTo(transaction)
      if (upTo === undefined) return
      const now = new Date(Math.min(clock().getTime(), upTo.getTime()))
      const rows: Remembered[] = []
      const occurrences: Occurrence[] = []
      for (const row of await lockSilent(transaction, now)) {
        const due = silentFrom(row.state, thresholds)
        const isSilent = due !== undefined && due < now.getTime()
        const { after, occurrence } = isSilent
          ? fallSilent(row.state, row, now)
          : { after: row.state, occurrence: undefined }
        // A threshold that was changed meanwhile counts.
        rows.push({ ...row, state: after, silentFrom: silentFrom(after, thresholds) })
        if (occurrence !== undefined) occurrences.push(occurrence)
      }
      storeWatched(transaction, rows, now)
      await this.#tell(transaction, occurrences, clock())
    })
  }

  async #tell(transaction: Transaction, occurrences: readonly Occurrence[], now: Date): Promise<void> {
    if (occurrences.length === 0) return
    const { log, raised } = this.#parts
    const known = await lockDetections(transaction, occurrences)
    const told = occurrences.map((occurrence) => occur(known.get(identityOf(occurrence)), occurrence, now))
    storeDetections(
      transaction,
      told.map(({ detection }) => detection),
    )
    const anew = told.flatMap(({ detection, isRaised }) => (isRaised ? [detection] : []))
    if (anew.length === 0) return
    // Others hear of these, so they must not be lost with the server and told a second time.
    writeDurably(transaction)
    log.append(transaction, anew.map(detectionRaised))
    transaction.afterCommit(() => {
      for (const { rule } of anew) raised(rule)
    })
  }

  async #note(
    transaction: Transaction,
    subject: Subject,
    tenant: string,
    change: (before: Watched) => Watched,
  ): Promise<void> {
    const { thresholds, clock } = this.#parts
    const now = clock()
    const known = await lockWatched(transaction, [subject], now)
    const state = change(known.get(keyOf(subject))?.state ?? {})
    storeWatched(transaction, [{ subject, tenant, state, silentFrom: silentFrom(state, thresholds) }], now)
  }

  /** Only of connections that were addressed with a key that belongs elsewhere. */
  async #surroundings(
    transaction: Transaction,
    decisions: readonly RequestDecided[],
  ): Promise<ReadonlyMap<string, Place>> {
    const addressed = decisions.filter(({ code }) => misplaced.some((each) => each === code))
    if (addressed.length === 0) return new Map()
    return placesOf(
      transaction,
      addressed.map((decision) => addressedConnection(decision)),
    )
  }
}
