import { Inject, Injectable } from '@nestjs/common'
import { type About, aboutNothing, type AdminCall, type Replayable } from '#libs/admin/index'
import { type Kid, readKid } from '#libs/credentials/index'
import type { AnyEvent } from '#libs/events/index'
import { problems } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import type { DataKey } from '#libs/sealing/index'
import { redact } from '#libs/telemetry/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { advance, AgainstTheLaw, NothingToReveal, type ProvisioningKey } from '../provisioning-key.ts'
import { accepted, keyOf, type Moment, RotationRefused, type Situation, type Turn, withKey } from '../rotation.ts'
import { settle } from '../settle.ts'
import { dataKeyOfSecret, needsDataKey, type WantedPolicy } from '../signing-secret.ts'
import { dataKeyById } from '../store/data-keys.ts'
import { findKey } from '../store/keys.ts'
import { keepSituation, lockSituation } from '../store/situations.ts'
import { aboutKey } from './answers.ts'
import { dataKeyOfTenant } from '../tenant-data-key.ts'
import { sealing } from './sealing.ts'
import { Writes } from './writes.ts'

/** Whose keys something is done with. `dataKey` is that of the tenant, where a key may be minted that signs by a secret. */
export interface Whose {
  readonly tenant: string
  readonly connection: string
  /** A key that may have ended. */
  readonly kid?: Kid
  readonly dataKey?: DataKey | undefined
}

export interface Answered<Body> {
  readonly about: Partial<About>
  readonly changed?: readonly string[]
  readonly tag?: string
  readonly body: Body
}

/** Acts of people on the keys of a connection, all alike: what uses and time have brought about counts first, then the act, then what follows from it. */
@Injectable()
export class KeyActs {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  /**
   * As `Writes.run`; `answer` is given what the act came to, and the situation after it.
   * @throws Problem `conflict` for what the act refuses, `notFound` where the connection is gone
   */
  run<Done extends Turn, Body extends Replayable>(
    call: AdminCall,
    whose: Whose,
    act: (situation: Situation, moment: Moment) => Done,
    answer: (situation: Situation, done: Done) => Answered<Body>,
  ): Promise<{ body: Body; repeated: boolean }> {
    return this.#writes.run(call, whose.tenant, async (manager, now) => {
      const before = await lockStanding(manager, whose.connection, whose.kid)
      const { situation, done, events } = await this.perform(manager, call, now, before, act, whose.dataKey)
      return { ...answer(situation, done), events }
    })
  }

  /**
   * The same as a part of a larger write, which has locked the situation and appends the events. Who does several holds all of their connections, by
   * `lockSituations`.
   */
  async perform<Done extends Turn>(
    manager: EntityManager,
    call: AdminCall,
    now: Date,
    before: Situation,
    act: (situation: Situation, moment: Moment) => Done,
    dataKey?: DataKey,
  ): Promise<{ situation: Situation; done: Done; events: readonly AnyEvent[] }> {
    const { peppers } = this.#parts
    const { traceparent } = call
    const moment: Moment = { now, heard: 'not yet', by: { kind: 'time' }, peppers, dataKey, traceparent }
    const actor = call.actorId === undefined ? {} : { actor: call.actorId }
    const by = { kind: 'operator', request: call.id, address: call.address, ...actor } as const
    const present = settle(before, moment)
    const done = refusing(() => act(present.situation, { ...moment, by }))
    const settled = settle(done.situation, { ...moment, by })
    await keepSituation(manager, before, settled)
    return { situation: settled.situation, done, events: [...present.events, ...done.events, ...settled.events] }
  }

  /**
   * The tenant's data key, where one of the policies has its key sign by a secret.
   * @throws Problem `unavailable` while whoever holds the KEK cannot be asked
   */
  async dataKeyFor(call: AdminCall, tenant: string, policies: readonly WantedPolicy[]): Promise<DataKey | undefined> {
    if (!policies.some(needsDataKey)) return undefined
    return sealing(dataKeyOfTenant(this.#parts, tenant, call.traceparent))
  }

  /**
   * The data key that the key's signing secret is sealed under, where it has one.
   * @throws Problem `unavailable` while whoever holds the KEK cannot be asked
   */
  async dataKeyOf({ tenant, policy }: ProvisioningKey): Promise<DataKey | undefined> {
    const id = dataKeyOfSecret(policy)
    if (id === undefined) return undefined
    const { entities, dataKeys } = this.#parts
    const found = await dataKeyById(entities.manager, tenant, id)
    return found && sealing(dataKeys.unwrapped(found))
  }

  /** The key that an address names. @throws Problem `notFound` */
  async keyNamed(call: AdminCall, text: string): Promise<ProvisioningKey> {
    const kid = readKid(text)
    const key = kid && (await findKey(this.#parts.entities.manager, kid))
    if (key === undefined) throw problems.notFound('key', redact(text))
    call.about = { ...aboutNothing, ...aboutKey(key) }
    return key
  }

  /**
   * Waits until it is known which keys were used before this call: what is in use must not be taken for unused.
   * @throws Problem `unavailable` when that takes too long
   */
  hearOfUses(call: AdminCall, tenant: string): Promise<void> {
    return this.#writes.hearOfUses(
      call,
      tenant,
      'Which keys are in use',
      ', and revoke a key that must not be used any more: that never waits',
    )
  }
}

/** @throws Problem `notFound` where the connection is gone */
export async function lockStanding(manager: EntityManager, connection: string, kid?: Kid): Promise<Situation> {
  const situation = await lockSituation(manager, connection, kid)
  if (situation === undefined) throw problems.notFound('connection', connection)
  return situation
}

function refusing<T>(act: () => T): T {
  try {
    return act()
  } catch (error) {
    if (error instanceof RotationRefused || error instanceof AgainstTheLaw || error instanceof NothingToReveal) {
      throw problems.conflict(error.message)
    }
    throw error
  }
}

/** Cancels or revokes a key. @throws AgainstTheLaw */
export function end(situation: Situation, { kid }: ProvisioningKey, act: 'revoke' | 'cancel', moment: Moment) {
  const { key, event } = advance(keyOf(situation, kid), act, { at: moment.now, traceparent: moment.traceparent })
  return { situation: withKey(situation, key), events: [event] }
}

/** Revokes every key of a connection that is accepted still. */
export function revokeAll(situation: Situation, moment: Moment): Turn {
  return accepted(situation).reduce<Turn>(
    (turn, key) => {
      const { situation: after, events } = end(turn.situation, key, 'revoke', moment)
      return { situation: after, events: [...turn.events, ...events] }
    },
    { situation, events: [] },
  )
}
