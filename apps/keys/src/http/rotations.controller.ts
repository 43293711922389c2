import { Body, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, aboutNothing, type AdminCall, Call, stateOf } from '#libs/admin/index'
import { isId } from '#libs/events/index'
import { pageOf, pagingByAge, parse, problems } from '#libs/http/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { shownAgain } from '../provisioning-key.ts'
import { cancel, finish, start } from '../rotate.ts'
import { type Moment, type Rotation, RotationRefused, running, type Situation, type Turn } from '../rotation.ts'
import { changePlan, policyIn, rotationModes, type RotationPolicy, rotationPolicyChanged } from '../rotation-policy.ts'
import { acceptedKeys, findKey, usesOf } from '../store/keys.ts'
import { findPlan, findRotation, listRotations } from '../store/situations.ts'
import { aboutConnection, aboutRotation, rotationAnswer, rotationPolicyAnswer, rotationPolicyTag } from './answers.ts'
import { connectionOf, tenantOf } from './connections.controller.ts'
import { KeyActs } from './key-acts.ts'
import { graceRule, rotationPolicyRule, rotationsQuery } from './rules.ts'

export const startRotation = z.strictObject({
  force: z.boolean().default(false),
  mode: z.enum(rotationModes).optional(),
  graceHours: graceRule.optional(),
})
export const finishRotation = z.strictObject({ force: z.boolean().default(false) })

@AdminApi('')
export class RotationsController {
  readonly #parts: KeysParts
  readonly #acts: KeyActs

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(KeyActs) acts: KeyActs) {
    this.#parts = parts
    this.#acts = acts
  }

  @Get('connections/:connection/rotation-policy')
  async readPolicy(@Call() call: AdminCall, @Param('connection') id: string) {
    await tenantOf(this.#parts, call, id)
    const plan = await findPlan(this.#parts.entities.manager, id)
    call.tag = rotationPolicyTag(plan)
    return rotationPolicyAnswer(plan)
  }

  /** What is left out is as it is unless told. A schedule counts from the first use of the present key: one that is due by it is replaced now. */
  @Put('connections/:connection/rotation-policy')
  async changePolicy(@Call() call: AdminCall, @Param('connection') connection: string, @Body() body: unknown) {
    const wanted: RotationPolicy = parse(rotationPolicyRule, body)
    const tenant = await tenantOf(this.#parts, call, connection)
    const written = await this.#acts.run(
      call,
      { tenant, connection },
      (situation, moment) => {
        call.requireUnchanged(stateOf(policyIn(situation.plan)))
        const { plan, changed } = changePlan(situation.plan, wanted)
        const events = changed.length === 0 ? [] : [rotationPolicyChanged(plan, tenant, changed, moment)]
        return { situation: { ...situation, plan }, events, changed }
      },
      (situation, { changed }) => ({
        about: aboutConnection(situation.connection),
        changed: changed.map((name) => `rotation.${name}`),
        tag: rotationPolicyTag(situation.plan),
        body: rotationPolicyAnswer(situation.plan),
      }),
    )
    return written.body
  }

  /**
   * The one answer that holds the text of the new key, unless it is a sandbox key; it goes past what is kept for repetition. Who may rotate but not
   * mint is not given it: it is kept, sealed, for who may.
   */
  @Post('connections/:connection/rotations')
  @HttpCode(201)
  async start(@Call() call: AdminCall, @Param('connection') connection: string, @Body() body: unknown) {
    const wanted = parse(startRotation, body ?? {})
    const { entities, peppers } = this.#parts
    const withheld = !call.actor.scopes.includes('keys:mint')
    const { tenant, environment } = await connectionOf(this.#parts, call, connection)
    const keys = await acceptedKeys(entities.manager, connection)
    if (keys.some(({ state }) => state === 'pending')) await this.#acts.hearOfUses(call, tenant)
    const policies = keys.map(({ policy }) => policy)
    const dataKey = await this.#acts.dataKeyFor(call, tenant, policies)
    let shown: { key: string; signingSecret?: string | undefined } | undefined
    const written = await this.#acts.run(
      call,
      { tenant, connection, dataKey },
      (situation, moment) => {
        const started = start(situation, { ...wanted, withheld }, moment)
        shown = { key: started.text, signingSecret: started.signingSecret }
        return started
      },
      (situation) => {
        const rotation = startedIn(situation)
        return {
          about: aboutRotation(situation.connection, rotation.id),
          changed: ['state'],
          body: {
            ...rotationAnswer(rotation, situation.uses),
            keyShown: environment === 'live' ? ('once' as const) : ('again' as const),
            revealable: withheld,
          },
        }
      },
    )
    if (withheld) return written.body
    if (!written.repeated) return { ...written.body, ...shown }
    const key = await findKey(entities.manager, written.body.newKey.kid)
    return { ...written.body, key: key && shownAgain(key, peppers) }
  }

  @Get('connections/:connection/rotations')
  async list(@Call() call: AdminCall, @Param('connection') id: string, @Query() query: unknown) {
    const page = pagingByAge(query)
    const { state } = parse(rotationsQuery, query)
    const { manager } = this.#parts.entities
    await tenantOf(this.#parts, call, id)
    const rotations = await listRotations(manager, page, id, state)
    const uses = await usesOf(
      manager,
      id,
      rotations.flatMap(({ from, to }) => [from, to]),
    )
    return pageOf(
      rotations,
      page,
      ({ startedAt, id: rotation }) => [startedAt.toISOString(), rotation],
      (rotation) => rotationAnswer(rotation, uses),
    )
  }

  @Get('rotations/:rotation')
  async read(@Call() call: AdminCall, @Param('rotation') id: string) {
    const rotation = await this.#rotationNamed(call, id)
    const { connection, from, to } = rotation
    return rotationAnswer(rotation, await usesOf(this.#parts.entities.manager, connection, [from, to]))
  }

  @Post('rotations/:rotation/finish')
  @HttpCode(200)
  finish(@Call() call: AdminCall, @Param('rotation') id: string, @Body() body: unknown) {
    const wanted = parse(finishRotation, body ?? {})
    return this.#end(call, id, (situation, moment) => finish(situation, wanted, moment))
  }

  @Post('rotations/:rotation/cancel')
  @HttpCode(200)
  cancel(@Call() call: AdminCall, @Param('rotation') id: string) {
    return this.#end(call, id, cancel)
  }

  async #end(call: AdminCall, id: string, act: (situation: Situation, moment: Moment) => Turn) {
    const named = await this.#rotationNamed(call, id)
    await this.#acts.hearOfUses(call, named.tenant)
    const written = await this.#acts.run(
      call,
      named,
      (situation, moment) => {
        if (running(situation)?.id === id) return act(situation, moment)
        throw new RotationRefused(
          `Rotation ${id} has ended already. GET /admin/v1/rotations/${id} tells when, and what came of it.`,
        )
      },
      (situation) => ({
        about: aboutRotation(situation.connection, id),
        changed: ['state'],
        body: rotationAnswer(situation.rotations.find((one) => one.id === id) ?? named, situation.uses),
      }),
    )
    return written.body
  }

  async #rotationNamed(call: AdminCall, id: string): Promise<Rotation> {
    const rotation = isId(id) ? await findRotation(this.#parts.entities.manager, id) : undefined
    if (rotation === undefined) throw problems.notFound('rotation', id)
    const connection = await connectionOf(this.#parts, call, rotation.connection)
    call.about = { ...aboutNothing, ...aboutRotation(connection, id) }
    return rotation
  }
}

function startedIn(situation: Situation): Rotation {
  const rotation = running(situation)
  if (rotation === undefined) throw new TypeError('the rotation that was started has ended already')
  return rotation
}
