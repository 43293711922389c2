import { type DynamicModule, Inject, Injectable, Module, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { ADMIN_AREA, ADMISSION, followTokens, HearTokens, KNOWN_TOKENS, TOKEN_CHANNEL } from '#libs/admin/index'
import { every, type Repeating } from '#libs/timing/index'
import { AUDIT_DATABASE } from './database.ts'
import { Detective } from './detective.ts'
import { FollowDecisions } from './events/follow-decisions.ts'
import { FollowTrust } from './events/follow-trust.ts'
import { LookForSilence } from './events/look-for-silence.ts'
import { areaOf } from './http/area.ts'
import { DetectionsController } from './http/detections.controller.ts'
import { RecordsController } from './http/records.controller.ts'
import { Writes } from './http/writes.ts'
import { AUDIT } from './names.ts'
import { AUDIT_PARTS, type AuditParts } from './parts.ts'
import { forgetOld } from './store/forget.ts'
import { maintainTrail } from './store/trail.ts'

const hour = 60 * 60 * 1000

type UpkeepParts = Pick<AuditParts, 'database' | 'retention' | 'clock' | 'onFailure'>

/** Drops what is past retention and makes room for the months to come, at once and every hour while the application runs. */
@Injectable()
export class TrailUpkeep implements OnModuleInit, OnModuleDestroy {
  readonly #parts: UpkeepParts
  #keeping: readonly Repeating[] = []

  constructor(@Inject(AUDIT_PARTS) parts: UpkeepParts) {
    this.#parts = parts
  }

  onModuleInit(): void {
    const { database, onFailure } = this.#parts
    // Each by itself: one that cannot be done keeps no other waiting.
    this.#keeping = [maintainTrail, forgetOld].map((keep) =>
      every(hour, () => keep(database, this.#parts), onFailure, { atOnce: true }),
    )
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.#keeping.map((each) => each.end()))
  }
}

/** The trail: what became of every request, and which of them should not be as they are. */
@Module({})
export class AuditModule {
  static with(parts: AuditParts): DynamicModule {
    const { database, admission, tokenChannel } = parts
    return {
      module: AuditModule,
      controllers: [RecordsController, DetectionsController, FollowDecisions, FollowTrust, followTokens(AUDIT)],
      providers: [
        Writes,
        TrailUpkeep,
        LookForSilence,
        { provide: Detective, useValue: new Detective(parts) },
        { provide: AUDIT_DATABASE, useValue: database },
        { provide: AUDIT_PARTS, useValue: parts },
        { provide: ADMISSION, useValue: admission },
        { provide: ADMIN_AREA, useValue: areaOf(database) },
        { provide: KNOWN_TOKENS, useValue: admission.tokens },
        { provide: TOKEN_CHANNEL, useValue: tokenChannel },
        HearTokens,
      ],
    }
  }
}
