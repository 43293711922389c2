import { Body, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import {
  type Actor,
  AdminApi,
  type AdminCall,
  aboutNothing,
  areTenantsWithin,
  beyond,
  Call,
  type Powers,
} from '#libs/admin/index'
import { readTokenId } from '#libs/credentials/index'
import { pageOf, pagingByAge, parse, problems } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { redact } from '#libs/telemetry/index'
import {
  type AdminToken,
  changeToken,
  mintToken,
  revokeToken,
  tokenChanged,
  tokenMinted,
  tokenRevoked,
} from '../admin-token.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { isBeyondLife } from '../rotation-policy.ts'
import { findTenant } from '../store/tenants.ts'
import { findToken, insertToken, lastTokenUses, listTokens, lockToken, updateToken } from '../store/tokens.ts'
import { aboutToken, tokenAnswer, tokenTag } from './answers.ts'
import { newToken, tokenChange } from './token-rules.ts'
import { Writes } from './writes.ts'

/** Admin tokens. Who is limited to tenants sees those alone that are limited to some of his, and nobody gives more than he has. */
@AdminApi('tokens')
export class TokensController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  /** The one answer that holds the text of the token; it goes past what is kept for repetition. What is left out is as the caller has it. */
  @Post()
  @HttpCode(201)
  async create(@Call() call: AdminCall, @Body() body: unknown) {
    const { actor } = call
    const { name, scopes, tenants, allowlist, expiresAt } = parse(newToken, body)
    const wanted = {
      name,
      scopes,
      tenants: tenants === undefined ? actor.tenants : tenants,
      allowlist: allowlist ?? actor.allowlist,
      expiresAt: expiresAt === undefined ? actor.expiresAt : expiresAt,
    }
    this.#checkGiven(actor, wanted)
    let text: string | undefined
    const { body: answer, repeated } = await this.#writes.run(call, '', async (manager, now) => {
      await checkTenants(manager, tenants ?? [])
      const minted = mintToken(wanted, actor.id, this.#parts.peppers, now)
      text = minted.text
      await insertToken(manager, minted.token)
      const events = [tokenMinted(minted.token, call.traceparent)]
      const body = tokenAnswer(minted.token, now)
      return { about: aboutToken(minted.token), events, tag: tokenTag(minted.token, body), body }
    })
    this.#parts.admission.tokens.forget([answer.id])
    return repeated ? answer : { ...answer, token: text }
  }

  @Get()
  async list(@Call() call: AdminCall, @Query() query: unknown) {
    const page = pagingByAge(query)
    const { entities, clock } = this.#parts
    const tokens = await listTokens(entities.manager, page, call.actor.tenants)
    const uses = await lastTokenUses(
      entities.manager,
      tokens.map((token) => token.id),
    )
    return pageOf(
      tokens,
      page,
      ({ createdAt, id }) => [createdAt.toISOString(), id],
      (token) => tokenAnswer(token, clock(), uses.get(token.id)),
    )
  }

  @Get(':token')
  async read(@Call() call: AdminCall, @Param('token') id: string) {
    const { entities, clock } = this.#parts
    const token = await this.#visible(call, id)
    const lastUse = (await lastTokenUses(entities.manager, [token.id])).get(token.id)
    const answer = tokenAnswer(token, clock(), lastUse)
    call.tag = tokenTag(token, answer)
    return answer
  }

  @Patch(':token')
  async update(@Call() call: AdminCall, @Param('token') id: string, @Body() body: unknown) {
    const wanted = parse(tokenChange, body)
    return this.#change(call, id, (before, now) => {
      call.requireUnchanged(before.version)
      if (before.revokedAt !== null) {
        throw problems.conflict('The admin token has been revoked, for good. Make another one.')
      }
      const { after, changed } = changeToken(before, wanted)
      this.#checkGiven(call.actor, after, changed.includes('expiresAt'))
      return { after, changed, event: () => tokenChanged(after, changed, now, call.traceparent) }
    })
  }

  /** Revoking a revoked token changes nothing and is answered the same. */
  @Post(':token/revoke')
  @HttpCode(200)
  revoke(@Call() call: AdminCall, @Param('token') id: string) {
    return this.#change(call, id, (before, now) => {
      const after = revokeToken(before, now)
      return { after, changed: ['state'], event: () => tokenRevoked(after, now, call.traceparent) }
    })
  }

  async #change(
    call: AdminCall,
    id: string,
    work: (
      before: AdminToken,
      now: Date,
    ) => { after: AdminToken; changed: string[]; event: () => ReturnType<typeof tokenRevoked | typeof tokenChanged> },
  ) {
    const known = await this.#visible(call, id)
    const written = await this.#writes.run(call, '', async (manager, now) => {
      const before = await lockVisible(manager, call.actor, known)
      const { after, changed, event } = work(before, now)
      await checkTenants(
        manager,
        (after.tenants ?? []).filter((tenant) => before.tenants?.includes(tenant) !== true),
      )
      const lastUse = (await lastTokenUses(manager, [known.id])).get(known.id)
      const body = tokenAnswer(after, now, lastUse)
      const answer = { about: aboutToken(after), tag: tokenTag(after, body), body }
      if (after === before) return { ...answer, events: [] }
      await updateToken(manager, after)
      return { ...answer, events: [event()], changed }
    })
    this.#parts.admission.tokens.forget([known.id])
    return written.body
  }

  #checkGiven(actor: Actor, wanted: Powers, isExpiryNew = true): void {
    const more = beyond(actor, wanted)
    if (more.length > 0) throw problems.moreThanOwn(more)
    if (!isExpiryNew || wanted.expiresAt === null) return
    const now = this.#parts.clock()
    const refuse = (message: string) => problems.invalid([{ path: ['expiresAt'], message }])
    if (wanted.expiresAt <= now) throw refuse('is not in the future')
    if (isBeyondLife(wanted.expiresAt, now)) throw refuse('lies more than 100 years ahead')
  }

  async #visible(call: AdminCall, text: string): Promise<AdminToken> {
    const id = readTokenId(text)
    const token = id && (await findToken(this.#parts.entities.manager, id))
    if (token === undefined || !areTenantsWithin(call.actor, token))
      throw problems.notFound('admin token', redact(text))
    call.about = { ...aboutNothing, ...aboutToken(token) }
    return token
  }
}

/** A token for what is not there would be of use to whoever is given that id later. @throws Problem `invalid` */
async function checkTenants(manager: EntityManager, named: readonly string[]): Promise<void> {
  const issues = []
  for (const [index, id] of named.entries()) {
    if ((await findTenant(manager, id)) !== undefined) continue
    issues.push({
      path: ['tenants', index],
      message: `names ${JSON.stringify(id)}, and there is no such tenant. Make it first, or check the id (latchkey tenants list)`,
    })
  }
  if (issues.length > 0) throw problems.invalid(issues)
}

async function lockVisible(manager: EntityManager, actor: Actor, { id }: AdminToken): Promise<AdminToken> {
  const token = await lockToken(manager, id)
  if (token === undefined || !areTenantsWithin(actor, token)) throw problems.notFound('admin token', id)
  return token
}
