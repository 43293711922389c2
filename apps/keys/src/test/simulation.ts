import { generatePeppers, isAccepted, type Kid } from '#libs/credentials/index'
import { type AnyEvent, defaultSettings, type KeyPolicy } from '#libs/events/index'
import type { Connection } from '../connection.ts'
import type { KeyUses, LastUse } from '../last-use.ts'
import { keyMinted, mint, type ProvisioningKey } from '../provisioning-key.ts'
import { accepted, type Moment, type Rotation, running, type Situation, type Turn } from '../rotation.ts'
import { defaultPlan, type RotationPolicy } from '../rotation-policy.ts'
import { settle } from '../settle.ts'

const peppers = generatePeppers()

/**
 * One connection whose keys go through time without a database. What is settled is checked against the laws of rotation each
 * time; breaking one throws.
 */
export class Simulation {
  now: Date
  readonly events: AnyEvent[] = []
  /** All there ever were, as they are. */
  readonly keys = new Map<Kid, ProvisioningKey>()
  readonly rotations = new Map<string, Rotation>()
  lookAt: Date | undefined
  /** Whether all uses are known at once. */
  heard: Moment['heard'] = 'yes'
  #situation: Situation

  constructor(now: Date, policy: Partial<RotationPolicy> = {}) {
    this.now = now
    const connection: Connection = {
      id: 'abcdefghijkmnpqr',
      tenant: 'acme',
      name: 'HR',
      environment: 'live',
      identityProvider: 'okta',
      state: 'enabled',
      settings: defaultSettings,
      schemas: [],
      version: 1,
      createdAt: now,
      deletedAt: null,
    }
    const plan = { ...defaultPlan(connection.id), ...policy }
    this.#situation = { connection, keys: [], uses: new Map(), rotations: [], plan }
  }

  get situation(): Situation {
    return this.#situation
  }

  get running(): Rotation | undefined {
    return running(this.#situation)
  }

  key(kid: Kid): ProvisioningKey {
    const found = this.keys.get(kid)
    if (found === undefined) throw new TypeError('no such key')
    return found
  }

  change(change: Partial<Pick<Situation, 'connection' | 'plan'>>): void {
    this.act((situation) => ({ situation: { ...situation, ...change }, events: [] }))
  }

  mint(policy?: KeyPolicy): Kid {
    return this.act((situation, { now }) => {
      const { key } = mint(situation.connection, peppers, now, policy)
      return { situation: { ...situation, keys: [...situation.keys, key] }, events: [keyMinted(key, undefined)], key }
    }).key.kid
  }

  /** A key that was minted and used at once. */
  active(policy?: KeyPolicy): Kid {
    const kid = this.mint(policy)
    this.use(kid)
    return kid
  }

  /** What a person does. */
  act<Done extends Turn>(act: (situation: Situation, moment: Moment) => Done): Done {
    this.settle()
    const by = { kind: 'operator', request: 'r', address: '192.0.2.1' } as const
    const done = act(this.#situation, { ...this.#moment(), by })
    this.#take(done)
    this.settle({ ...this.#moment(), by })
    return done
  }

  /** A proved request, known at once unless it is one that was `missed`. */
  use(kid: Kid, at: Date = this.now, from: Partial<LastUse> = {}): void {
    const use: LastUse = { at, address: '192.0.2.7', userAgent: 'Okta/1', ...from }
    const known = this.#situation.uses.get(kid)
    const isPending = this.keys.get(kid)?.state === 'pending'
    const uses: KeyUses = {
      last: known === undefined || known.last.at < at ? use : known.last,
      first: known?.first ?? (isPending ? use : null),
    }
    this.#situation = { ...this.#situation, uses: new Map([...this.#situation.uses, [kid, uses]]) }
    if (isPending) this.settle()
  }

  /** Goes to that instant, settling at each one at which something was said to be due. */
  goTo(instant: Date): void {
    while (this.lookAt !== undefined && this.lookAt <= instant && this.lookAt > this.now) {
      this.now = this.lookAt
      this.settle()
    }
    this.now = instant
  }

  /** Goes to that instant while no worker is running, and then settles what came to pass. */
  sleepTo(instant: Date): void {
    this.now = instant
    this.settle()
  }

  settle(moment: Moment = this.#moment()): void {
    const settled = settle(this.#situation, moment)
    this.#take(settled)
    this.lookAt = settled.lookAt
    const again = settle(this.#situation, moment)
    if (again.events.length > 0) throw new Error('what was settled settles again')
    if (moment.heard === 'yes' && settled.lookAt !== undefined && settled.lookAt <= moment.now) {
      throw new Error('the next look is due already')
    }
  }

  /** The events of rotations since the last time that this was asked, in words. */
  told(): string[] {
    return this.events.splice(0).flatMap((event) => {
      if (!event.name.startsWith('rotation.')) return []
      const about =
        event.name === 'rotation.notice'
          ? ` ${event.payload.kind} ${event.payload.days}`
          : event.name === 'rotation.finished' || event.name === 'rotation.cancelled'
            ? ` ${event.payload.outcome}`
            : ''
      return [`${event.name.slice('rotation.'.length)}${about}`]
    })
  }

  #moment(): Moment {
    return { now: this.now, heard: this.heard, by: { kind: 'time' }, peppers }
  }

  /** What the store keeps: keys that are accepted or of a running rotation, and a rotation while it runs. */
  #take({ situation, events }: Turn): void {
    for (const key of situation.keys) this.keys.set(key.kid, key)
    for (const rotation of situation.rotations) this.rotations.set(rotation.id, rotation)
    this.events.push(...events)
    if (accepted(situation).length > 2) throw new Error('more than two keys are accepted')
    const rotation = running(situation)
    this.#situation = {
      ...situation,
      keys: situation.keys.filter(
        ({ kid, state }) => isAccepted(state) || kid === rotation?.from || kid === rotation?.to,
      ),
      rotations: rotation === undefined ? [] : [rotation],
    }
  }
}

export function days(count: number, from: Date): Date {
  return new Date(from.getTime() + count * 86_400_000)
}

export function hours(count: number, from: Date): Date {
  return new Date(from.getTime() + count * 3_600_000)
}
