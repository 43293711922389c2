import { type DynamicModule, Inject, Injectable, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import { AUDIT_DATABASE } from './database.ts'
import { Detective } from './detective.ts'
import { FollowDecisions } from './events/follow-decisions.ts'
import { FollowTrust } from './events/follow-trust.ts'
import { LookForSilence } from './events/look-for-silence.ts'
import { DetectionsController } from './http/detections.controller.ts'
import { RecordsController } from './http/records.controller.ts'
import { AUDIT_PARTS, type AuditParts } from './parts.ts'
import { forgetOld } from './store/forget.ts'
import { maintainTrail } from './store/trail.ts'

const hour = 60 * 60 * 1000

/** Drops what is past retention and makes room for the months to come, every hour while the application runs. */
@Injectable()
export class TrailUpkeep implements OnModuleInit, OnModuleDestroy {
  readonly #parts: AuditParts
  #timer: NodeJS.Timeout | undefined

  constructor(@Inject(AUDIT_PARTS) parts: AuditParts) {
    this.#parts = parts
  }

  onModuleInit(): void {
    const { database, onFailure } = this.#parts
    const keep = async (): Promise<void> => {
      await maintainTrail(database, this.#parts)
      await forgetOld(database, this.#parts)
    }
    this.#timer = setInterval(() => void keep().catch(onFailure), hour).unref()
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer)
  }
}

/** The trail: what became of every request, and which of them should not be as they are. */
@Module({})
export class AuditModule {
  static with(parts: AuditParts): DynamicModule {
    return {
      module: AuditModule,
      controllers: [RecordsController, DetectionsController, FollowDecisions, FollowTrust],
      providers: [
        TrailUpkeep,
        LookForSilence,
        { provide: Detective, useValue: new Detective(parts) },
        { provide: AUDIT_DATABASE, useValue: parts.database },
        { provide: ADMIN_TOKEN, useValue: parts.adminToken },
        { provide: AUDIT_PARTS, useValue: parts },
      ],
    }
  }
}
