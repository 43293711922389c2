import { Body, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import { AdminApi, type AdminCall, Call, stateOf } from '#libs/admin/index'
import { isAccepted, type Kid } from '#libs/credentials/index'
import type { KeyPolicy } from '#libs/events/index'
import { pageOf, pagingByAge, parse, problems } from '#libs/http/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import {
  acceptedAtMost,
  changePolicy,
  keyMinted,
  mint,
  type ProvisioningKey,
  reveal,
  shownAgain,
} from '../provisioning-key.ts'
import { enoughKeys } from '../rotate.ts'
import { accepted, keyOf, RotationRefused, type Situation, withKey } from '../rotation.ts'
import { findKey, listKeys, usesOf } from '../store/keys.ts'
import { aboutConnection, aboutKey, keyAnswer, keyTag } from './answers.ts'
import { tenantOf } from './connections.controller.ts'
import { type Answered, end, KeyActs } from './key-acts.ts'
import { changed, keyChange, newKey } from './policy-rules.ts'

@AdminApi('')
export class KeysController {
  readonly #parts: KeysParts
  readonly #acts: KeyActs

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(KeyActs) acts: KeyActs) {
    this.#parts = parts
    this.#acts = acts
  }

  /** The one answer that holds the text of a live key, and a signing secret; they go past what is kept for repetition. */
  @Post('connections/:connection/keys')
  @HttpCode(201)
  async mint(@Call() call: AdminCall, @Param('connection') connection: string, @Body() sent: unknown) {
    const { peppers, publicUrl, entities } = this.#parts
    const wanted = parse(newKey(this.#parts.clock()), sent ?? {}).policy
    const tenant = await tenantOf(this.#parts, call, connection)
    const dataKey = await this.#acts.dataKeyFor(call, tenant, [wanted])
    let shown: { key: string; signingSecret?: string | undefined } | undefined
    const { body, repeated } = await this.#acts.run(
      call,
      { tenant, connection },
      (situation, { now, traceparent }) => {
        if (accepted(situation).length >= acceptedAtMost) throw new RotationRefused(enoughKeys(situation))
        const minted = mint(situation.connection, peppers, now, wanted, dataKey)
        shown = { key: minted.text, signingSecret: minted.signingSecret }
        const { key } = minted
        const events = [keyMinted(key, traceparent)]
        return { situation: { ...situation, keys: [...situation.keys, key] }, events, key }
      },
      (situation, { key }) => ({
        about: { ...aboutConnection(situation.connection), ...aboutKey(key) },
        tag: keyTag(key),
        body: keyAnswer(key, publicUrl),
      }),
    )
    if (!repeated) return { ...body, ...shown }
    const key = await findKey(entities.manager, body.kid)
    return { ...body, key: key && shownAgain(key, peppers) }
  }

  @Get('connections/:connection/keys')
  async list(@Call() call: AdminCall, @Param('connection') id: string, @Query() query: unknown) {
    const page = pagingByAge(query)
    const { entities, publicUrl } = this.#parts
    await tenantOf(this.#parts, call, id)
    const keys = await listKeys(entities.manager, page, id)
    const uses = await usesOf(
      entities.manager,
      id,
      keys.map((key) => key.kid),
    )
    return pageOf(
      keys,
      page,
      ({ createdAt, kid }) => [createdAt.toISOString(), kid],
      (key) => ({ ...keyAnswer(key, publicUrl, uses.get(key.kid)), key: this.#shownTo(call, key) }),
    )
  }

  @Get('keys/:kid')
  async read(@Call() call: AdminCall, @Param('kid') text: string) {
    const { entities, publicUrl } = this.#parts
    const key = await this.#acts.keyNamed(call, text)
    const uses = await usesOf(entities.manager, key.connection, [key.kid])
    const answer = { ...keyAnswer(key, publicUrl, uses.get(key.kid)), key: this.#shownTo(call, key) }
    call.tag = keyTag(key, uses.get(key.kid))
    return answer
  }

  /** What may change of a key's policy while it lives. How it proves itself may not, but for the certificates of one that has them. */
  @Patch('keys/:kid')
  async update(@Call() call: AdminCall, @Param('kid') text: string, @Body() sent: unknown) {
    const { policy: wanted } = parse(keyChange(this.#parts.clock()), sent)
    const known = await this.#acts.keyNamed(call, text)
    let other: Kid | undefined
    const { body } = await this.#acts.run(
      call,
      known,
      (situation, { now, traceparent }) => {
        const key = keyOf(situation, known.kid)
        call.requireUnchanged(key.version)
        if (!isAccepted(key.state))
          throw problems.conflict(
            `Key ${key.kid} is ${key.state}: what it may do cannot be changed any more. Mint another.`,
          )
        const policy = changed(key.policy, wanted)
        if (policy === undefined) {
          throw problems.invalid([
            {
              path: ['policy', 'certificates'],
              message: 'is of keys that authenticate by mtls, and this one does not',
            },
          ])
        }
        const after = changePolicy(key, policy, now, traceparent)
        if (after === undefined) return { situation, events: [], changed: [] }
        return { situation: withKey(situation, after.key), events: [after.event], changed: after.changed }
      },
      (situation, { changed: names }) => {
        other = names.length === 0 ? undefined : otherwiseAllowed(situation, known)
        return this.#answer(situation, known, names)
      },
    )
    if (other !== undefined) {
      call.warn(
        `Done for this key alone: key ${other} of the same connection is accepted too, and has another policy. Change that one too, where it is to be the same.`,
      )
    }
    return body
  }

  /** Revoking a revoked key changes nothing and is answered the same. */
  @Post('keys/:kid/revoke')
  @HttpCode(200)
  async revoke(@Call() call: AdminCall, @Param('kid') text: string) {
    const known = await this.#acts.keyNamed(call, text)
    const { body } = await this.#acts.run(
      call,
      known,
      (situation, moment) => {
        const isRevoked = keyOf(situation, known.kid).state === 'revoked'
        return { ...(isRevoked ? { situation, events: [] } : end(situation, known, 'revoke', moment)), isRevoked }
      },
      (situation, { isRevoked }) => this.#answer(situation, known, isRevoked ? [] : ['state']),
    )
    return body
  }

  /** Of a key that was never used. */
  @Post('keys/:kid/cancel')
  @HttpCode(200)
  async cancel(@Call() call: AdminCall, @Param('kid') text: string) {
    const known = await this.#acts.keyNamed(call, text)
    await this.#acts.hearOfUses(call, known.tenant)
    const { body } = await this.#acts.run(
      call,
      known,
      (situation, moment) => end(situation, known, 'cancel', moment),
      (situation) => this.#answer(situation, known, ['state']),
    )
    return body
  }

  /** The text of a key that the schedule minted: once, and then it is kept nowhere. */
  @Post('keys/:kid/reveal')
  @HttpCode(200)
  async reveal(@Call() call: AdminCall, @Param('kid') kid: string) {
    const known = await this.#acts.keyNamed(call, kid)
    const dataKey = await this.#acts.dataKeyOf(known)
    let shown: { key: string; signingSecret?: string | undefined } | undefined
    const { body, repeated } = await this.#acts.run(
      call,
      known,
      (situation, moment) => {
        const revealed = reveal(keyOf(situation, known.kid), this.#parts.peppers, moment, dataKey)
        shown = { key: revealed.text, signingSecret: revealed.signingSecret }
        return { situation: withKey(situation, revealed.key), events: [revealed.event] }
      },
      (situation) => this.#answer(situation, known, ['revealable']),
    )
    return repeated ? body : { ...body, ...shown }
  }

  /** The text of a key, where it may be shown again, is for whoever may have one minted. */
  #shownTo(call: AdminCall, key: ProvisioningKey): string | undefined {
    return call.actor.scopes.includes('keys:mint') ? shownAgain(key, this.#parts.peppers) : undefined
  }

  #answer(situation: Situation, { kid }: ProvisioningKey, changed: string[]) {
    const key = keyOf(situation, kid)
    const uses = situation.uses.get(kid)
    const body = keyAnswer(key, this.#parts.publicUrl, uses)
    return { about: aboutKey(key), changed, tag: keyTag(key, uses), body } satisfies Answered<typeof body>
  }
}

/** The other accepted key of the connection, where it may do something else; how the two prove themselves does not count. */
function otherwiseAllowed(situation: Situation, { kid }: ProvisioningKey): Kid | undefined {
  const allowed = ({ allowlist, scopes, expiresAt, rate }: KeyPolicy): string =>
    stateOf({ allowlist, scopes, expiresAt, rate })
  const { policy } = keyOf(situation, kid)
  return accepted(situation).find((key) => key.kid !== kid && allowed(key.policy) !== allowed(policy))?.kid
}
