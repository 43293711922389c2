import { type DynamicModule, Inject, Injectable, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { AUDIT_DATABASE } from './database.ts'
import { FollowDecisions } from './events/follow-decisions.ts'
import { RecordsController } from './http/records.controller.ts'
import { type Keeping, maintainTrail } from './store/trail.ts'

const hour = 60 * 60 * 1000
const UPKEEP = Symbol('UPKEEP')

interface UpkeepSettings extends Keeping {
  readonly onFailure: (error: unknown) => void
}

export interface AuditParts extends UpkeepSettings {
  /** Holds the schema `audit`, brought up to date by `migrateAudit`. */
  readonly database: Database
  readonly adminToken: string | readonly string[]
}

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

/** The trail: what became of every request. */
@Module({})
export class AuditModule {
  static with({ database, adminToken, retention, clock, onFailure }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [RecordsController, FollowDecisions],
      providers: [
        TrailUpkeep,
        { provide: AUDIT_DATABASE, useValue: database },
        { provide: ADMIN_TOKEN, useValue: adminToken },
        { provide: UPKEEP, useValue: { retention, clock, onFailure } satisfies UpkeepSettings },
      ],
    }
  }
}
