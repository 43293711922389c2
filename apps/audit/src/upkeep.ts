import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { type Database, maintainPartitions } from '#libs/postgres/index'
import { AUDIT_DATABASE } from './database.ts'

const hour = 60 * 60 * 1000

export interface Keeping {
  /** Milliseconds for which records are kept; whole months are dropped. */
  readonly retention: number
  readonly clock: () => Date
}

export interface UpkeepSettings extends Keeping {
  readonly onFailure: (error: unknown) => void
}

/** A partition for each month within retention, so that a trail which joins late has room for what is old, and for two to come. */
export function maintainTrail(database: Database, { retention, clock }: Keeping): Promise<void> {
  const table = { schema: 'audit', table: 'record', length: 'month', ahead: 2, behind: Infinity, retention } as const
  return maintainPartitions(database, table, clock())
}

/** Nest provider: settings of the upkeep. */
export const UPKEEP = Symbol('audit upkeep')

/** Drops months past retention and makes new ones, every hour while the application runs. */
@Injectable()
export class TrailUpkeep implements OnModuleInit, OnModuleDestroy {
  readonly #database: Database
  readonly #settings: UpkeepSettings
  #timer: NodeJS.Timeout | undefined

  constructor(@Inject(AUDIT_DATABASE) database: Database, @Inject(UPKEEP) settings: UpkeepSettings) {
    this.#database = database
    this.#settings = settings
  }

  onModuleInit(): void {
    const keep = (): void => void maintainTrail(this.#database, this.#settings).catch(this.#settings.onFailure)
    this.#timer = setInterval(keep, hour).unref()
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer)
  }
}
