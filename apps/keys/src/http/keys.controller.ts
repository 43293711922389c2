import { Body, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import { AdminApi, aboutNothing, type AdminCall, Call } from '#libs/admin/index'
import { isAccepted, readKid } from '#libs/credentials/index'
import { pageOf, pagingByAge, parse, problems } from '#libs/http/index'
import { redact } from '#libs/telemetry/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import {
  acceptedAtMost,
  advance,
  changePolicy,
  keyMinted,
  mint,
  type ProvisioningKey,
  shownAgain,
} from '../provisioning-key.ts'
import { needsDataKey } from '../signing-secret.ts'
import { lockConnection } from '../store/connections.ts'
import { acceptedKeys, findKey, insertKey, lastUses, listKeys, lockKey, updateKey } from '../store/keys.ts'
import { aboutConnection, aboutKey, keyAnswer } from './answers.ts'
import { dataKeyOfTenant } from '../tenant-data-key.ts'
import { changed, keyChange, newKey } from './policy-rules.ts'
import { sealing } from './sealing.ts'
import { tenantOf } from './connections.controller.ts'
import { Writes } from './writes.ts'

@AdminApi('')
export class KeysController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  /** The one answer that holds the text of a live key, and a signing secret; they go past what is kept for repetition. */
  @Post('connections/:connection/keys')
  @HttpCode(201)
  async mint(@Call() call: AdminCall, @Param('connection') id: string, @Body() sent: unknown) {
    const { peppers, publicUrl, entities } = this.#parts
    const wanted = parse(newKey(this.#parts.clock()), sent ?? {}).policy
    const tenant = await tenantOf(this.#parts, call, id)
    const dataKey = needsDataKey(wanted)
      ? await sealing(dataKeyOfTenant(this.#parts, tenant, call.traceparent))
      : undefined
    let shown: { key: string; signingSecret?: string | undefined } | undefined
    const { body, repeated } = await this.#writes.run(call, tenant, async (manager, now) => {
      const connection = await lockConnection(manager, id)
      if (connection === undefined) throw problems.notFound('connection', id)
      const accepted = await acceptedKeys(manager, id)
      if (accepted.length >= acceptedAtMost) throw enoughKeys(accepted.map((key) => key.kid))
      const minted = mint(connection, peppers, now, wanted, dataKey)
      shown = { key: minted.text, signingSecret: minted.signingSecret }
      await insertKey(manager, minted.key)
      return {
        about: { ...aboutConnection(connection), ...aboutKey(minted.key) },
        events: [keyMinted(minted.key, call.traceparent)],
        body: keyAnswer(minted.key, publicUrl),
      }
    })
    if (!repeated) return { ...body, ...shown }
    const key = await findKey(entities.manager, body.kid)
    return { ...body, key: key && shownAgain(key, peppers) }
  }

  @Get('connections/:connection/keys')
  async list(@Call() call: AdminCall, @Param('connection') id: string, @Query() query: unknown) {
    const page = pagingByAge(query)
    const { entities, peppers, publicUrl } = this.#parts
    await tenantOf(this.#parts, call, id)
    const keys = await listKeys(entities.manager, page, id)
    const uses = await lastUses(
      entities.manager,
      id,
      keys.map((key) => key.kid),
    )
    return pageOf(
      keys,
      page,
      ({ createdAt, kid }) => [createdAt.toISOString(), kid],
      (key) => ({ ...keyAnswer(key, publicUrl, uses.get(key.kid)), key: shownAgain(key, peppers) }),
    )
  }

  /** What may change of a key's policy while it lives. How it proves itself may not, but for the certificates of one that has them. */
  @Patch('keys/:kid')
  async update(@Call() call: AdminCall, @Param('kid') text: string, @Body() sent: unknown) {
    const { publicUrl } = this.#parts
    const { policy: wanted } = parse(keyChange(this.#parts.clock()), sent)
    const known = await this.#keyOf(call, text)
    const written = await this.#writes.run(call, known.tenant, async (manager, now) => {
      const key = await lockKey(manager, known.kid)
      if (key === undefined) throw problems.notFound('key', known.kid)
      if (!isAccepted(key.state))
        throw problems.conflict(
          `Key ${key.kid} is ${key.state}: what it may do cannot be changed any more. Mint another.`,
        )
      const uses = await lastUses(manager, key.connection, [key.kid])
      const policy = changed(key.policy, wanted)
      if (policy === undefined) {
        throw problems.invalid([
          { path: ['policy', 'certificates'], message: 'is of keys that authenticate by mtls, and this one does not' },
        ])
      }
      const after = changePolicy(key, policy, now, call.traceparent)
      const body = keyAnswer(after?.key ?? key, publicUrl, uses.get(key.kid))
      if (after === undefined) return { about: aboutKey(key), events: [], body }
      await updateKey(manager, after.key)
      return { about: aboutKey(after.key), events: [after.event], changed: after.changed, body }
    })
    return written.body
  }

  /** Revoking a revoked key changes nothing and is answered the same. */
  @Post('keys/:kid/revoke')
  @HttpCode(200)
  async revoke(@Call() call: AdminCall, @Param('kid') text: string) {
    const { publicUrl } = this.#parts
    const known = await this.#keyOf(call, text)
    const written = await this.#writes.run(call, known.tenant, async (manager, now) => {
      const key = await lockKey(manager, known.kid)
      if (key === undefined) throw problems.notFound('key', known.kid)
      const uses = await lastUses(manager, key.connection, [key.kid])
      const lastUse = uses.get(key.kid)
      if (key.state === 'revoked') return { about: aboutKey(key), events: [], body: keyAnswer(key, publicUrl, lastUse) }
      const { key: after, event } = advance(key, 'revoke', { at: now, traceparent: call.traceparent })
      await updateKey(manager, after)
      return {
        about: aboutKey(after),
        events: [event],
        changed: ['state'],
        body: keyAnswer(after, publicUrl, lastUse),
      }
    })
    return written.body
  }

  async #keyOf(call: AdminCall, text: string): Promise<ProvisioningKey> {
    const kid = readKid(text)
    const known = kid && (await findKey(this.#parts.entities.manager, kid))
    if (known === undefined) throw problems.notFound('key', redact(text))
    call.about = { ...aboutNothing, ...aboutKey(known) }
    return known
  }
}

function enoughKeys(kids: readonly string[]) {
  return problems.conflict(
    `The connection has ${acceptedAtMost} accepted keys already, ${kids.join(' and ')}. Revoke the one that is no longer used, then mint again.`,
  )
}
