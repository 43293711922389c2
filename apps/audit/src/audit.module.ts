import { type DynamicModule, Inject, Injectable, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import {
  ADMIN_AREA,
  type AdminArea,
  type Admission,
  ADMISSION,
  followTokens,
  HearTokens,
  KNOWN_TOKENS,
  TOKEN_CHANNEL,
  type TokenChannel,
} from '#libs/admin/index'
import type { Database } from '#libs/postgres/index'
import { AUDIT_DATABASE } from './database.ts'
import { FollowDecisions } from './events/follow-decisions.ts'
import { auditPart } from './http/described.ts'
import { RecordsController } from './http/records.controller.ts'
import { AUDIT } from './names.ts'
import { type Keeping, maintainTrail } from './store/trail.ts'

const hour = 60 * 60 * 1000
const UPKEEP = Symbol('UPKEEP')

interface UpkeepSettings extends Keeping {
  readonly onFailure: (error: unknown) => void
}

export interface AuditParts extends UpkeepSettings {
  /** Holds the schema `audit`, brought up to date by `migrateAudit`. */
  readonly database: Database
  readonly admission: Admission
  readonly tokenChannel: TokenChannel
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
  static with({ database, admission, tokenChannel, retention, clock, onFailure }: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [RecordsController, FollowDecisions, followTokens(AUDIT)],
      providers: [
        TrailUpkeep,
        { provide: AUDIT_DATABASE, useValue: database },
        { provide: ADMISSION, useValue: admission },
        { provide: ADMIN_AREA, useValue: { described: auditPart.described, owners: {} } satisfies AdminArea },
        { provide: KNOWN_TOKENS, useValue: admission.tokens },
        { provide: TOKEN_CHANNEL, useValue: tokenChannel },
        HearTokens,
        { provide: UPKEEP, useValue: { retention, clock, onFailure } satisfies UpkeepSettings },
      ],
    }
  }
}
