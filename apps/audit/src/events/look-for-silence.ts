import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common'
import { Detective } from '../detective.ts'
import { AUDIT_PARTS, type AuditParts } from '../parts.ts'

/** Milliseconds. */
const lookEvery = 60_000

/** Asks every minute whether a connection has fallen silent; of several processes one at a time does. */
@Injectable()
export class LookForSilence implements OnModuleInit, OnModuleDestroy {
  readonly #detective: Detective
  readonly #parts: AuditParts
  #timer: NodeJS.Timeout | undefined
  #working: Promise<void> | undefined

  constructor(@Inject(Detective) detective: Detective, @Inject(AUDIT_PARTS) parts: AuditParts) {
    this.#detective = detective
    this.#parts = parts
  }

  onModuleInit(): void {
    const { database, onFailure } = this.#parts
    const look = (): void => {
      this.#working ??= this.#detective
        .lookForSilence(database)
        .catch(onFailure)
        .finally(() => (this.#working = undefined))
    }
    this.#timer = setInterval(look, lookEvery).unref()
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.#timer)
    await this.#working
  }
}
