import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { every, type Repeating } from '#libs/timing/index'
import { Detective } from '../detective.ts'
import { AUDIT_PARTS, type AuditParts } from '../parts.ts'

/** Milliseconds. */
const lookEvery = 60_000

/** Asks every minute whether a connection has fallen silent; of several processes one at a time does. */
@Injectable()
export class LookForSilence implements OnModuleInit, OnModuleDestroy {
  readonly #detective: Detective
  readonly #parts: AuditParts
  #looking: Repeating | undefined

  constructor(@Inject(Detective) detective: Detective, @Inject(AUDIT_PARTS) parts: AuditParts) {
    this.#detective = detective
    this.#parts = parts
  }

  onModuleInit(): void {
    const { database, onFailure } = this.#parts
    this.#looking = every(lookEvery, () => this.#detective.lookForSilence(database), onFailure)
  }

  async onModuleDestroy(): Promise<void> {
    await this.#looking?.end()
  }
}
