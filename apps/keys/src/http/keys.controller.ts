import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { AdminApi, aboutNothing, type AdminCall, Call, tagOf } from '#libs/admin/index'
import { readKid } from '#libs/credentials/index'
import { pageOf, pagingByAge, problems } from '#libs/http/index'
import { redact } from '#libs/telemetry/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { acceptedAtMost, advance, keyMinted, mint, shownAgain } from '../provisioning-key.ts'
import { lockConnection } from '../store/connections.ts'
import { acceptedKeys, findKey, insertKey, lastUses, listKeys, lockKey, updateKey } from '../store/keys.ts'
import { aboutConnection, aboutKey, keyAnswer } from './answers.ts'
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

  /** The one answer that holds the text of a live key; it goes past what is kept for repetition. */
  @Post('connections/:connection/keys')
  @HttpCode(201)
  async mint(@Call() call: AdminCall, @Param('connection') id: string) {
    const { peppers, publicUrl, entities } = this.#parts
    const tenant = await tenantOf(this.#parts, call, id)
    let text: string | undefined
    const { body, repeated } = await this.#writes.run(call, tenant, async (manager, now) => {
      const connection = await lockConnection(manager, id)
      if (connection === undefined) throw problems.notFound('connection', id)
      const accepted = await acceptedKeys(manager, id)
      if (accepted.length >= acceptedAtMost) throw enoughKeys(accepted.map((key) => key.kid))
      const minted = mint(connection, peppers, now)
      text = minted.text
      await insertKey(manager, minted.key)
      return {
        about: { ...aboutConnection(connection), ...aboutKey(minted.key) },
        events: [keyMinted(minted.key, call.traceparent)],
        body: keyAnswer(minted.key, publicUrl),
      }
    })
    if (!repeated) return { ...body, key: text }
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

  @Get('keys/:kid')
  async read(@Call() call: AdminCall, @Param('kid') text: string) {
    const { entities, peppers, publicUrl } = this.#parts
    const kid = readKid(text)
    const key = kid && (await findKey(entities.manager, kid))
    if (key === undefined) throw problems.notFound('key', redact(text))
    call.about = { ...aboutNothing, ...aboutKey(key) }
    const uses = await lastUses(entities.manager, key.connection, [key.kid])
    const answer = { ...keyAnswer(key, publicUrl, uses.get(key.kid)), key: shownAgain(key, peppers) }
    call.tag = tagOf(key.version, answer.lastUsed)
    return answer
  }

  /** Revoking a revoked key changes nothing and is answered the same. */
  @Post('keys/:kid/revoke')
  @HttpCode(200)
  async revoke(@Call() call: AdminCall, @Param('kid') text: string) {
    const { entities, publicUrl } = this.#parts
    const kid = readKid(text)
    const known = kid && (await findKey(entities.manager, kid))
    if (known === undefined) throw problems.notFound('key', redact(text))
    call.about = { ...aboutNothing, ...aboutKey(known) }
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
}

function enoughKeys(kids: readonly string[]) {
  return problems.conflict(
    `The connection has ${acceptedAtMost} accepted keys already, ${kids.join(' and ')}. Revoke the one that is no longer used, then mint again.`,
  )
}
