import { setTimeout as pause } from 'node:timers/promises'
import type { AnyEvent } from '#libs/events/index'
import { isConnectionLoss, Lease } from '#libs/postgres/index'
import type { DataKey } from '#libs/sealing/index'
import { metrics } from '#libs/telemetry/index'
import { endsWithin } from '#libs/timing/index'
import { announce, noticesCounted } from './announce.ts'
import type { KeysParts } from './parts.ts'
import type { Moment } from './rotation.ts'
import { settle } from './settle.ts'
import { keysSchema } from './store/entities.ts'
import { dueLooks, forgetLook, lookLater } from './store/looks.ts'
import { keepSituation, lockSituation, rotationCounts } from './store/situations.ts'
import { dataKeyOfTenant } from './tenant-data-key.ts'

export interface WorkerTimes {
  /** Milliseconds between looks at what is due. */
  readonly every: number
  /** Milliseconds after which another takes over from one that has gone. */
  readonly lease: number
}

/** What a connection is settled by. */
type Known = Pick<Moment, 'now' | 'heard' | 'dataKey'>

/** Connections that are read at once; each has a transaction of its own. */
const batch = 100
/** Milliseconds until a connection is looked at again that could not be settled. */
const later = 30_000

/**
 * Does what uses and time have brought about, in one process of all that there are. What came to pass while none was running is made
 * up for by the first look. Follows no clock but that of its parts.
 */
export class RotationWorker {
  readonly #parts: KeysParts
  readonly #times: WorkerTimes
  readonly #lease: Lease
  readonly #stop = new AbortController()
  readonly #countNotices: (events: readonly AnyEvent[]) => void
  /** Ends when all is settled that waits for uses to be heard of. */
  #hearing: Promise<void> | undefined
  /** Connections for which the schedule mints once there is the data key of their tenant. */
  readonly #minting = new Map<string, string>()
  #sealing: Promise<void> | undefined
  #heldUntil = 0
  #running: Promise<void> | undefined

  constructor(parts: KeysParts, times: WorkerTimes = { every: 1_000, lease: 10_000 }) {
    this.#parts = parts
    this.#times = times
    this.#lease = new Lease(parts.database, keysSchema, 'rotations', times.lease)
    this.#countNotices = noticesCounted(parts.telemetry)
    tellCounts(parts)
  }

  /** Called by Nest, once all modules are there. */
  onApplicationBootstrap(): void {
    this.#running ??= this.#run()
  }

  /** Called by Nest. Resolves when what is in hand is done and another may take over. */
  async onModuleDestroy(): Promise<void> {
    this.#stop.abort()
    if (this.#running === undefined) return
    await this.#running
    await Promise.all([this.#hearing, this.#sealing])
    await this.#lease.release(this.#parts.clock()).catch((error: unknown) => this.#parts.onFailure(error))
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      await this.look().catch((error: unknown) => this.#parts.onFailure(error))
      await pause(this.#times.every, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Settles what is due by now, where this is the one that does it; false where another is. */
  async look(): Promise<boolean> {
    const now = this.#parts.clock()
    for (;;) {
      if (!(await this.#holds())) return false
      const due = await dueLooks(this.#parts.database, now, batch)
      const waiting: string[] = []
      for (const connection of due) {
        if (this.#stop.signal.aborted || !(await this.#holds())) return false
        if ((await this.#settle(connection, { now, heard: 'not yet' })) === 'waits') waiting.push(connection)
      }
      if (waiting.length > 0) this.#hearing = this.#hear(waiting, this.#hearing)
      if (this.#minting.size > 0) this.#sealing ??= this.#mint().finally(() => (this.#sealing = undefined))
      if (due.length < batch) return true
    }
  }

  /**
   * What depends on whether a key was used is decided once all uses until now are known. Nothing else waits for that; should it take too long, what
   * ends in any case does, and the connections are due again a little later. What is due at one look has a wait of its own, so that it waits for no longer
   * than one takes; what an earlier look left, which is done `before`, is settled first.
   */
  async #hear(connections: readonly string[], before: Promise<void> | undefined): Promise<void> {
    const now = this.#parts.clock()
    try {
      const [isHeard] = await Promise.all([this.#parts.hasHeardUntil(now), before])
      const heard = isHeard ? 'yes' : 'no'
      for (const connection of connections) {
        if (this.#stop.signal.aborted || !(await this.#holds())) return
        await this.#settle(connection, { now, heard })
      }
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }

  /**
   * Mints what was left for want of a data key. Nothing else waits for whoever holds the KEK, nor are keys locked meanwhile. The connections of a
   * tenant whose data key cannot be had are due again a little later; it is asked for once.
   */
  async #mint(): Promise<void> {
    const tenants = [...this.#minting]
    this.#minting.clear()
    const without = new Set<string>()
    try {
      for (const [connection, tenant] of tenants) {
        if (this.#stop.signal.aborted || !(await this.#holds())) return
        const dataKey = without.has(tenant) ? undefined : await this.#dataKeyOf(tenant)
        if (dataKey === undefined) without.add(tenant)
        else await this.#settle(connection, { now: this.#parts.clock(), heard: 'not yet', dataKey })
      }
    } catch (error) {
      this.#parts.onFailure(error)
    }
  }

  /** Undefined where it cannot be had, which is told. */
  async #dataKeyOf(tenant: string): Promise<DataKey | undefined> {
    try {
      return await dataKeyOfTenant(this.#parts, tenant, undefined)
    } catch (error) {
      if (isConnectionLoss(error)) throw error
      this.#parts.onFailure(error)
      return undefined
    }
  }

  async #settle(connection: string, at: Known): Promise<'settled' | 'waits'> {
    try {
      return await this.#settled(connection, at)
    } catch (error) {
      if (isConnectionLoss(error)) throw error
      this.#parts.onFailure(error)
      await lookLater(this.#parts.database, connection, afterwards(at.now))
      return 'settled'
    }
  }

  async #settled(connection: string, at: Known): Promise<'settled' | 'waits'> {
    const { entities, log, channel, peppers } = this.#parts
    return entities.transaction(async (manager, transaction) => {
      if (!(await this.#lease.isHeld(manager))) return 'settled'
      const before = await lockSituation(manager, connection)
      if (before === undefined) {
        await forgetLook(manager, connection)
        return 'settled'
      }
      const settled = settle(before, { ...at, by: { kind: 'time' }, peppers })
      const isDueStill = settled.lookAt !== undefined && settled.lookAt <= at.now
      await keepSituation(manager, before, isDueStill ? { ...settled, lookAt: afterwards(at.now) } : settled)
      if (settled.events.length > 0) log.append(transaction, [...settled.events])
      transaction.afterCommit(() => {
        announce(channel, settled.events)
        this.#countNotices(settled.events)
        if (settled.wantsDataKey) this.#minting.set(connection, before.connection.tenant)
      })
      return isDueStill && !settled.wantsDataKey ? 'waits' : 'settled'
    })
  }

  /** Asks for the lease again when a third of it is over. */
  async #holds(): Promise<boolean> {
    const asked = performance.now()
    if (asked < this.#heldUntil) return true
    if ((await this.#lease.take()) === undefined) return false
    this.#heldUntil = asked + this.#times.lease / 3
    return true
  }
}

function afterwards(now: Date): Date {
  return new Date(now.getTime() + later)
}

/** Milliseconds that a scrape waits for counts. */
const patience = 1_000

/** Counts are those of the installation, so that any instance tells them; while they cannot be had, the last known. */
function tellCounts({ telemetry, database, clock }: KeysParts): void {
  let known = { running: 0, overdue: 0 }
  let counting: Promise<void> | undefined
  const count = async (): Promise<void> => {
    known = await rotationCounts(database, clock()).catch(() => known)
    counting = undefined
  }
  const counted = async (): Promise<typeof known> => {
    await endsWithin(patience, (counting ??= count()))
    return known
  }
  telemetry.metrics.gauge(metrics.rotationsRunning, async () => (await counted()).running)
  telemetry.metrics.gauge(metrics.rotationsOverdue, async () => (await counted()).overdue)
}
