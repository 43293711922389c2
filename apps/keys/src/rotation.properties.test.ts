import fc from 'fast-check'
import { isAccepted, type Kid } from '#libs/credentials/index'
import { defaultPolicy } from '#libs/events/index'
import { runs } from '#libs/scim/arbitrary/index'
import { AgainstTheLaw, advance, keyMinted, mint } from './provisioning-key.ts'
import { cancel, finish, start } from './rotate.ts'
import { accepted, keyOf, RotationRefused, type Situation, type Turn, withKey } from './rotation.ts'
import { rotationModes, type RotationPolicy } from './rotation-policy.ts'
import { days, hours, Simulation } from './test/simulation.ts'

/** What people, identity providers and time may do, in any order. */
type Deed =
  | { readonly kind: 'use' | 'revoke' | 'cancel key'; readonly key: number }
  | { readonly kind: 'wait' | 'sleep'; readonly hours: number }
  | { readonly kind: 'start' | 'finish'; readonly force: boolean }
  | { readonly kind: 'cancel' | 'cut off' | 'hear' }
  | { readonly kind: 'mint'; readonly days: number | null }
  | { readonly kind: 'policy'; readonly policy: RotationPolicy }

const key = fc.nat(5)
const policy: fc.Arbitrary<RotationPolicy> = fc.record({
  mode: fc.constantFrom(...rotationModes),
  everyDays: fc.option(fc.integer({ min: 10, max: 60 })),
  graceHours: fc.integer({ min: 0, max: 200 }),
  mintAheadDays: fc.integer({ min: 1, max: 9 }),
})
const deed: fc.Arbitrary<Deed> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('use' as const), key }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('wait' as const, 'sleep' as const), hours: fc.nat(400) }) },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constantFrom('start' as const, 'finish' as const), force: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('revoke' as const, 'cancel key' as const), key }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom('cancel' as const, 'cut off' as const, 'hear' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('mint' as const), days: fc.option(fc.integer({ min: 1, max: 90 })) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('policy' as const), policy }) },
)

const begin = new Date('2026-03-01T10:00:00.000Z')

/** A connection to which deeds are done, with all uses that there were, known to the service or not. */
class Story {
  readonly world: Simulation
  readonly used = new Map<Kid, Date[]>()
  #unheard: [kid: Kid, at: Date][] = []

  constructor(chosen: RotationPolicy) {
    this.world = new Simulation(begin, chosen)
    this.#use(this.world.mint())
  }

  tell(deed: Deed): void {
    const { world } = this
    switch (deed.kind) {
      case 'use':
        return this.#use(this.#keyAt(deed.key))
      case 'wait':
        return world.goTo(hours(deed.hours, world.now))
      case 'sleep':
        return world.sleepTo(hours(deed.hours, world.now))
      case 'cut off':
        world.heard = 'no'
        return
      case 'hear':
        return this.hear()
      case 'policy':
        return world.change({ plan: { ...world.situation.plan, ...deed.policy } })
      case 'start':
        return this.#act((situation, moment) => start(situation, deed, moment))
      case 'finish':
        return this.#act((situation, moment) => finish(situation, deed, moment))
      case 'cancel':
        return this.#act(cancel)
      case 'revoke':
        return this.#end(this.#keyAt(deed.key), 'revoke')
      case 'cancel key':
        return this.#end(this.#keyAt(deed.key), 'cancel')
      case 'mint':
        return this.#mint(deed.days)
    }
  }

  /** Everything decided until now is heard of, as it is before anybody judges by uses. */
  hear(): void {
    this.world.heard = 'yes'
    for (const [kid, at] of this.#unheard.splice(0)) this.world.use(kid, at)
    this.world.settle()
  }

  #keyAt(place: number): Kid | undefined {
    const kids = [...this.world.keys.keys()]
    return kids[kids.length - 1 - (place % kids.length)]
  }

  /** The gateway lets in what is accepted there. */
  #use(kid: Kid | undefined): void {
    const { world } = this
    if (kid === undefined || !isAccepted(world.key(kid).state)) return
    const { expiresAt } = world.key(kid).policy
    if (expiresAt !== null && Date.parse(expiresAt) <= world.now.getTime()) return
    this.used.set(kid, [...(this.used.get(kid) ?? []), world.now])
    if (world.heard === 'yes') world.use(kid)
    else this.#unheard.push([kid, world.now])
  }

  #act(act: Parameters<Simulation['act']>[0]): void {
    this.hear()
    try {
      this.world.act(act)
    } catch (error) {
      if (!(error instanceof RotationRefused || error instanceof AgainstTheLaw)) throw error
    }
  }

  #end(kid: Kid | undefined, act: 'revoke' | 'cancel'): void {
    this.#act((situation: Situation, { now }): Turn => {
      if (kid === undefined || !accepted(situation).some((one) => one.kid === kid)) return { situation, events: [] }
      const ended = advance(keyOf(situation, kid), act, { at: now })
      return { situation: withKey(situation, ended.key), events: [ended.event] }
    })
  }

  #mint(life: number | null): void {
    const { world } = this
    const expiresAt = life === null ? null : days(life, world.now).toISOString()
    this.#act((situation, { now, peppers }) => {
      if (accepted(situation).length > 1) throw new RotationRefused('enough')
      const { key: minted } = mint(situation.connection, peppers, now, { ...defaultPolicy, expiresAt })
      return { situation: { ...situation, keys: [...situation.keys, minted] }, events: [keyMinted(minted, undefined)] }
    })
  }
}

test('whatever is done and used, and however much time passes, rotation keeps its laws', () => {
  fc.assert(
    fc.property(policy, fc.array(deed, { maxLength: 60 }), (chosen, deeds) => {
      const story = new Story(chosen)
      for (const one of deeds) story.tell(one)
      story.hear()
      const { world, used } = story
      expect(accepted(world.situation).length).toBeLessThanOrEqual(2)
      expect([...world.rotations.values()].filter(({ state }) => state === 'running').length).toBeLessThanOrEqual(1)

      for (const rotation of world.rotations.values()) {
        const { from, outcome, cutOverAt, graceHours, mode, endedAt, startedAt } = rotation
        if (outcome === 'old-unused' || outcome === 'old-still-used') {
          // The grace is whole, and begins with the first use of the new key.
          expect(cutOverAt).toEqual(used.get(rotation.to)?.[0])
          expect(Number(endedAt)).toBeGreaterThanOrEqual(Number(hours(graceHours, cutOverAt ?? begin)))
        }
        if (mode === 'safe') {
          expect(['old-still-used', 'old-ended-unheard', 'new-never-used']).not.toContain(outcome)
        }
        if (outcome === 'old-unused') {
          const lastUse = used.get(from)?.findLast((at) => at < (endedAt ?? begin)) ?? begin
          expect(Number(endedAt)).toBeGreaterThanOrEqual(Number(hours(Math.max(graceHours, 1), lastUse)))
        }
        if (outcome === 'new-never-used') {
          expect(used.get(rotation.to)?.some((at) => at < (endedAt ?? begin)) ?? false).toBe(false)
          expect(Number(endedAt)).toBeGreaterThan(Number(hours(graceHours, startedAt)))
        }
      }
      for (const { policy: own, state } of world.keys.values()) {
        if (own.expiresAt !== null && isAccepted(state)) {
          expect(Date.parse(own.expiresAt)).toBeGreaterThan(world.now.getTime())
        }
      }
      const versions = new Map<string, number>()
      for (const { subject, version } of world.events) {
        expect(version).toBe((versions.get(subject) ?? 0) + 1)
        versions.set(subject, version)
      }
    }),
    runs(2_000),
  )
})
