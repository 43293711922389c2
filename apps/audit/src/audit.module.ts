import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { AUDIT_DATABASE } from './database.ts'
import { FollowDecisions } from './events/follow-decisions.ts'
import { RecordsController } from './http/records.controller.ts'
import { TrailUpkeep, UPKEEP, type UpkeepSettings } from './upkeep.ts'

export interface AuditParts extends UpkeepSettings {
  /** Holds the schema `audit`, brought up to date by `migrateAudit`. */
  readonly database: Database
  readonly adminToken: string | readonly string[]
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
