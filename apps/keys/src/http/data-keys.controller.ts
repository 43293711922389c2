import { Body, Get, HttpCode, Inject, Post } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { pageOf, paging, pagingQuery, parse } from '#libs/http/index'
import { SealingError, type SealingFault, type WrappedKey } from '#libs/sealing/index'
import { rewrap, type TenantDataKey } from '../data-key.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { countDataKeys, outdatedDataKeys, updateWrapped } from '../store/data-keys.ts'
import { sealing } from './sealing.ts'
import { Writes } from './writes.ts'

export const rewrapBatch = z.strictObject({
  limit: z.int().min(1).max(500).default(50),
  after: pagingQuery.shape.after.describe('the "next" of the batch before, which goes past what failed in it'),
})

/** Data keys that are asked for at once of whoever holds the KEKs. */
const atOnce = 8

type Failed = {
  readonly tenant: string
  readonly dataKey: string
  readonly fault: SealingFault
  readonly detail: string
}

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
   * it comes to the same: what is done is done, and what is sealed under the keys stays as it is. What cannot be wrapped is named, and keeps
   * nothing else from being wrapped.
   */
  @Post('rewrap')
  @HttpCode(200)
  async rewrap(@Call() call: AdminCall, @Body() body: unknown) {
    const { limit, after } = parse(rewrapBatch, body ?? {})
    const page = { limit, after: paging({ after }, 2).after }
    const { entities, keyring } = this.#parts
    const kek = await sealing(keyring.status())
    const found = await outdatedDataKeys(entities.manager, kek, page)
    const { items: outdated, next } = pageOf(
      found,
      page,
      ({ tenant, id }) => [tenant, id],
      (key) => key,
    )
    const { wrapped, failed } = await this.#wrapped(outdated)
    const written = await this.#writes.run(call, '', async (manager, now) => {
      const events = []
      for (const [before, anew] of wrapped) {
        const { key: changed, event } = rewrap(before, anew, { at: now, traceparent: call.traceparent })
        if (await updateWrapped(manager, before, changed)) events.push(event)
      }
      const { outdated: remaining } = await countDataKeys(manager, kek)
      const told = { kek: { ...kek }, rewrapped: events.length, remaining, failed: failed.map((each) => ({ ...each })) }
      return { about: {}, events, body: next === undefined ? told : { ...told, next } }
    })
    return written.body
  }

  async #wrapped(keys: readonly TenantDataKey[]) {
    const wrapped: (readonly [before: TenantDataKey, anew: WrappedKey])[] = []
    const failed: Failed[] = []
    for (let done = 0; done < keys.length; done += atOnce) {
      const some = keys.slice(done, done + atOnce)
      for (const each of await Promise.all(
        some.map((key) => this.#anew(key).catch((error: unknown) => failure(key, error))),
      )) {
        if ('fault' in each) failed.push(each)
        else wrapped.push(each)
      }
    }
    return { wrapped, failed }
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

function failure({ tenant, id }: TenantDataKey, error: unknown): Failed {
  if (!(error instanceof SealingError)) throw error
  return { tenant, dataKey: id, fault: error.fault, detail: error.message }
}
