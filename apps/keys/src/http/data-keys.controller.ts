import { Body, Get, HttpCode, Inject, Post } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { parse } from '#libs/http/index'
import { rewrap, type TenantDataKey } from '../data-key.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { countDataKeys, outdatedDataKeys, updateWrapped } from '../store/data-keys.ts'
import { sealing } from './sealing.ts'
import { Writes } from './writes.ts'

export const batch = z.strictObject({ limit: z.int().min(1).max(500).default(50) })

/** The data keys of all tenants, and the KEK that wraps them. */
@AdminApi('data-keys')
export class DataKeysController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  @Get()
  async read() {
    const { entities, keyring } = this.#parts
    const kek = await sealing(keyring.status())
    return { kek, ...(await countDataKeys(entities.manager, kek)) }
  }

  /**
   * Wraps a batch of data keys by the present version of the present KEK, while everything runs. Repeated until nothing remains, by whoever and whenever,
   * it comes to the same: what is done is done, and what is sealed under the keys stays as it is.
   */
  @Post('rewrap')
  @HttpCode(200)
  async rewrap(@Call() call: AdminCall, @Body() body: unknown) {
    const { limit } = parse(batch, body ?? {})
    const { entities, keyring } = this.#parts
    const kek = await sealing(keyring.status())
    const outdated = await outdatedDataKeys(entities.manager, kek, limit)
    const wrapped = await sealing(Promise.all(outdated.map((key) => this.#anew(key))))
    const written = await this.#writes.run(call, '', async (manager, now) => {
      const events = []
      for (const [before, anew] of wrapped) {
        const { key: after, event } = rewrap(before, anew, { at: now, traceparent: call.traceparent })
        if (await updateWrapped(manager, before, after)) events.push(event)
      }
      const { outdated: remaining } = await countDataKeys(manager, kek)
      return { about: {}, events, body: { kek: { ...kek }, rewrapped: events.length, remaining } }
    })
    return written.body
  }

  /** Outside of any transaction: those who hold the KEKs may take their time. */
  async #anew(key: TenantDataKey) {
    const context = { tenant: key.tenant, dataKey: key.id }
    const bytes = await this.#parts.keyring.unwrap(key, context)
    const anew = await this.#parts.keyring.wrap(bytes, context)
    bytes.fill(0)
    return [key, anew] as const
  }
}
