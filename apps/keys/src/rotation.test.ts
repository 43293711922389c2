import { isAccepted, type Kid } from '#libs/credentials/index'
import { defaultPolicy } from '#libs/events/index'
import { advance } from './provisioning-key.ts'
import { cancel, finish, start } from './rotate.ts'
import { keyOf, RotationRefused, withKey } from './rotation.ts'
import type { RotationPolicy } from './rotation-policy.ts'
import { isStillUsed } from './settle.ts'
import { days, hours, Simulation } from './test/simulation.ts'

const begin = new Date('2026-03-01T10:00:00.000Z')

/** A connection with an active key, and a rotation of it that was just started. */
function rotating(policy: Partial<RotationPolicy> = {}) {
  const world = new Simulation(begin, policy)
  const old = world.active()
  world.now = hours(1, begin)
  const { kid } = world.act((situation, moment) => start(situation, { force: false }, moment))
  return { world, old, next: kid }
}

/** The same, after the new key was used. */
function cutOver(policy: Partial<RotationPolicy> = {}) {
  const rotation = rotating(policy)
  rotation.world.now = hours(2, begin)
  rotation.world.use(rotation.next)
  rotation.world.told()
  return rotation
}

function end(world: Simulation, kid: Kid, act: 'revoke' | 'cancel'): void {
  world.act((situation, moment) => {
    const { key, event } = advance(keyOf(situation, kid), act, { at: moment.now })
    return { situation: withKey(situation, key), events: [event] }
  })
}

describe('a key', () => {
  test('is pending until it is first used, and active from the instant of that request', () => {
    const world = new Simulation(begin)
    const kid = world.mint()
    expect(world.key(kid).state).toBe('pending')
    world.now = hours(5, begin)
    world.use(kid, hours(4, begin))
    expect(world.key(kid)).toMatchObject({ state: 'active', activatedAt: hours(4, begin) })
  })

  test('is not active before it was minted, though the clock of the gateway is behind', () => {
    const world = new Simulation(begin)
    const kid = world.mint()
    world.use(kid, hours(-1, begin))
    expect(world.key(kid).activatedAt).toEqual(begin)
  })

  test('expires when its own policy says so, whether it was used or not', () => {
    const world = new Simulation(begin)
    const expiresAt = hours(10, begin)
    const kid = world.active({ ...defaultPolicy, expiresAt: expiresAt.toISOString() })
    const unused = world.mint({ ...defaultPolicy, expiresAt: expiresAt.toISOString() })
    world.goTo(hours(9, begin))
    expect(world.key(kid).state).toBe('active')
    world.goTo(hours(11, begin))
    for (const one of [kid, unused]) expect(world.key(one)).toMatchObject({ state: 'expired', endedAt: expiresAt })
  })
})

describe('a rotation', () => {
  test('lets the old key go on until the new one is used, however long that takes', () => {
    const { world, old, next } = rotating()
    world.goTo(days(400, begin))
    expect([world.key(old).state, world.key(next).state]).toEqual(['active', 'pending'])
    expect(world.running?.until).toBeNull()
  })

  test('counts the grace from the instant at which the new key was first used, and proves both uses', () => {
    const { world, old, next } = rotating()
    world.use(old, hours(19, begin), { address: '192.0.2.1' })
    world.now = hours(30, begin)
    world.events.splice(0)
    world.use(next, hours(20, begin), { address: '192.0.2.2' })
    expect(world.key(old)).toMatchObject({ state: 'retiring', retiredAt: hours(20, begin), until: hours(92, begin) })
    expect(world.events.map(({ name }) => name)).toEqual(['key.activated', 'key.retired', 'rotation.cut-over'])
    expect(world.events[2]?.payload).toMatchObject({
      from: old,
      to: next,
      firstUse: { at: hours(20, begin).toISOString(), address: '192.0.2.2' },
      lastUse: { at: hours(19, begin).toISOString(), address: '192.0.2.1' },
      until: hours(92, begin).toISOString(),
    })
  })

  test('ends the old key at its deadline when it was not used for the whole grace', () => {
    const { world, old, next } = cutOver()
    world.goTo(hours(73, begin))
    expect(world.key(old).state).toBe('retiring')
    world.goTo(hours(74, begin))
    expect([world.key(old).state, world.key(next).state]).toEqual(['expired', 'active'])
    expect(world.told()).toEqual(['finished old-unused'])
    expect(world.lookAt).toBeUndefined()
  })

  test('under safe gives a used key another grace each time, tells somebody, and ends it once it is left alone', () => {
    const { world, old } = cutOver()
    world.use(old, hours(20, begin))
    world.goTo(hours(74, begin))
    expect(world.told()).toEqual(['extended', 'notice still-used 3'])
    expect(world.key(old)).toMatchObject({ state: 'retiring', until: hours(146, begin) })
    world.use(old, hours(100, begin))
    world.goTo(hours(146, begin))
    expect(world.running).toMatchObject({ extensions: 2, until: hours(218, begin) })
    world.goTo(hours(218, begin))
    expect(world.key(old).state).toBe('expired')
  })

  test('under strict ends a used key at its deadline', () => {
    const { world, old } = cutOver({ mode: 'strict' })
    world.use(old, hours(73, begin))
    world.goTo(hours(74, begin))
    expect(world.key(old).state).toBe('expired')
    expect(world.told()).toEqual(['finished old-still-used'])
  })

  test('under strict says of a key that it ended unused only where its uses are known', () => {
    const { world, old } = cutOver({ mode: 'strict' })
    world.heard = 'not yet'
    world.now = hours(74, begin)
    world.settle()
    expect(world.key(old).state).toBe('retiring')
    world.heard = 'no'
    world.settle()
    expect(world.key(old)).toMatchObject({ state: 'expired', endedAt: hours(74, begin) })
    expect(world.told()).toEqual(['finished old-ended-unheard'])
    expect(world.lookAt).toBeUndefined()
  })

  test('under strict ends the old key a grace after the time that people had, though the new one was never seen', () => {
    const { world, old, next } = rotating({ mode: 'strict', mintAheadDays: 10, graceHours: 48 })
    const hardEnd = days(12, hours(1, begin))
    expect(world.running?.hardEnd).toEqual(hardEnd)
    world.goTo(hours(-1, hardEnd))
    expect(world.key(old).state).toBe('active')
    world.goTo(hardEnd)
    expect([world.key(old).state, world.key(next).state]).toEqual(['expired', 'pending'])
    expect(world.told()).toEqual([
      'started',
      'notice unused-next 7',
      'notice unused-next 1',
      'notice unused-next 0',
      'finished new-never-used',
    ])
  })

  test.each(['safe', 'strict'] as const)(
    'under %s ends nothing for want of a use that may just not have been heard of',
    (mode) => {
      const { world, old } = mode === 'safe' ? cutOver() : rotating({ mode })
      world.heard = 'no'
      world.sleepTo(days(30, begin))
      expect(isAccepted(world.key(old).state)).toBe(true)
      expect(world.lookAt && world.lookAt <= world.now).toBe(true)
      world.heard = 'yes'
      world.settle()
      expect(world.key(old).state).toBe('expired')
    },
  )

  test('with no grace, under safe, ends the old key as soon as the new one is used, where it was not used within the hour before', () => {
    const { world, old, next } = rotating({ graceHours: 0 })
    world.told()
    world.heard = 'no'
    world.use(next)
    expect(world.key(old).state).toBe('retiring')
    world.heard = 'yes'
    world.settle()
    expect(world.key(old).state).toBe('expired')
    expect(world.told()).toEqual(['cut-over', 'finished old-unused'])
  })

  test('with no grace, under safe, is not ended by time while it is used: an hour is added at a time', () => {
    const { world, old, next } = rotating({ graceHours: 0 })
    world.told()
    world.now = hours(2, begin)
    world.use(old)
    world.use(next)
    expect(world.told()).toEqual(['cut-over', 'extended', 'notice still-used 1'])
    expect(world.key(old)).toMatchObject({ state: 'retiring', until: hours(3, begin) })
    world.use(old, hours(2.5, begin))
    world.goTo(hours(3, begin))
    expect(world.key(old)).toMatchObject({ state: 'retiring', until: hours(4, begin) })
    world.goTo(hours(4, begin))
    expect(world.key(old).state).toBe('expired')
  })

  test('with no grace, under strict, ends with the first use of the new one, and it is told that it was in use', () => {
    const { world, old, next } = rotating({ mode: 'strict', graceHours: 0 })
    world.told()
    world.heard = 'no'
    world.now = hours(2, begin)
    world.use(old)
    world.use(next)
    expect(world.key(old).state).toBe('expired')
    expect(world.told()).toEqual(['cut-over', 'finished old-still-used'])
  })

  test('never lets the old key outlive its own expiry, by grace or by extension', () => {
    const world = new Simulation(begin)
    const expiresAt = hours(50, begin)
    const old = world.active({ ...defaultPolicy, expiresAt: expiresAt.toISOString() })
    const { kid } = world.act((situation, moment) => start(situation, { force: false }, moment))
    world.use(kid, hours(1, begin))
    expect(world.key(old).until).toEqual(expiresAt)
    const isUsed = () => world.running && isStillUsed(world.situation, world.running)
    // It was before the cut-over, though the grace would have begun sooner than that.
    expect(isUsed()).toBe(false)
    world.use(old, hours(49, begin))
    expect(isUsed()).toBe(true)
    world.goTo(expiresAt)
    expect(world.key(old)).toMatchObject({ state: 'expired', endedAt: expiresAt })
    expect(world.told()).toContain('finished old-expired')
  })

  test('gives the new key the policy of the old one, and as long a life', () => {
    const world = new Simulation(begin)
    const policy = { ...defaultPolicy, scopes: ['read' as const], expiresAt: days(90, begin).toISOString() }
    world.active(policy)
    world.goTo(days(80, begin))
    const { kid } = world.act((situation, moment) => start(situation, { force: false }, moment))
    expect(world.key(kid).policy).toEqual({ ...policy, expiresAt: days(170, begin).toISOString() })
  })

  test.each(['schedule', 'a person'])('has it due no later than the old one expires, where %s begins', (who) => {
    const world = new Simulation(begin)
    const expiresAt = days(6, begin)
    world.active({ ...defaultPolicy, expiresAt: expiresAt.toISOString() })
    if (who === 'schedule') {
      world.change({ plan: { ...world.situation.plan, everyDays: 90, mintAheadDays: 14 } })
      expect(world.situation.plan.dueAt).toEqual(expiresAt)
    } else world.act((situation, moment) => start(situation, { force: false }, moment))
    expect(world.running).toMatchObject({ dueAt: expiresAt, startedAt: begin })
    world.told()
    world.goTo(days(5, begin))
    expect(world.told()).toEqual(['notice unused-next 1'])
  })

  test('may have its own mode and grace', () => {
    const world = new Simulation(begin)
    world.active()
    world.act((situation, moment) => start(situation, { force: false, mode: 'strict', graceHours: 1 }, moment))
    expect(world.running).toMatchObject({ mode: 'strict', graceHours: 1 })
  })
})

describe('what a person does', () => {
  test('finish ends the old key at once', () => {
    const { world, old, next } = cutOver()
    world.act((situation, moment) => finish(situation, { force: false }, moment))
    expect([world.key(old).state, world.key(next).state]).toEqual(['expired', 'active'])
    expect(world.told()).toEqual(['finished old-ended-by-operator'])
  })

  test('finish with force does so though the new key was never used', () => {
    const { world, old, next } = rotating()
    world.act((situation, moment) => finish(situation, { force: true }, moment))
    expect([world.key(old).state, world.key(next).state]).toEqual(['expired', 'pending'])
  })

  test('cancel ends the next key, and the old one goes on', () => {
    const { world, old, next } = rotating()
    world.act(cancel)
    expect([world.key(old).state, world.key(next).state]).toEqual(['active', 'cancelled'])
    expect(world.told()).toEqual(['started', 'cancelled new-cancelled'])
  })

  test('start with force cancels a next key that was never used', () => {
    const { world, old, next } = rotating()
    const { kid } = world.act((situation, moment) => start(situation, { force: true }, moment))
    expect([old, next, kid].map((one) => world.key(one).state)).toEqual(['active', 'cancelled', 'pending'])
    expect(world.told()).toEqual(['started', 'cancelled new-cancelled', 'started'])
  })

  test('start with force ends an old key whose successor is in use', () => {
    const { world, old, next } = cutOver()
    const { kid } = world.act((situation, moment) => start(situation, { force: true }, moment))
    expect([old, next, kid].map((one) => world.key(one).state)).toEqual(['expired', 'active', 'pending'])
    expect(world.running).toMatchObject({ from: next, to: kid })
  })

  test('revoking the old key finishes the rotation', () => {
    const { world, old, next } = cutOver()
    end(world, old, 'revoke')
    expect(world.key(next).state).toBe('active')
    expect(world.told()).toEqual(['finished old-revoked'])
  })

  test.each(['revoke', 'cancel'] as const)('%s of a next key that was never used cancels the rotation', (act) => {
    const { world, old, next } = rotating()
    end(world, next, act)
    expect(world.key(old).state).toBe('active')
    expect(world.told()).toEqual(['started', `cancelled new-${act === 'revoke' ? 'revoked' : 'cancelled'}`])
  })

  test('revoking a new key that is in use leaves the old one without a deadline, to be rotated again', () => {
    const { world, old, next } = cutOver()
    end(world, next, 'revoke')
    expect(world.key(old)).toMatchObject({ state: 'retiring', until: null })
    expect(world.told()).toEqual(['cancelled new-revoked'])
    world.goTo(days(100, begin))
    expect(world.key(old).state).toBe('retiring')
    const { kid } = world.act((situation, moment) => start(situation, { force: false }, moment))
    world.use(kid)
    expect(world.key(old)).toMatchObject({ state: 'retiring', until: hours(72, world.now) })
    world.goTo(hours(72, world.now))
    expect(world.key(old).state).toBe('expired')
  })

  const nothing = () => new Simulation(begin)
  const unused = () => {
    const world = new Simulation(begin)
    world.mint()
    return world
  }
  const one = () => {
    const world = new Simulation(begin)
    world.active()
    return world
  }
  const two = () => {
    const world = one()
    world.active()
    return world
  }
  const begun = () => rotating().world
  const over = () => cutOver().world
  const plain = { force: false }
  const refusals: [what: string, world: () => Simulation, act: Parameters<Simulation['act']>[0], why: RegExp][] = [
    ['start without a key', nothing, (s, m) => start(s, plain, m), /no accepted key.*Mint one/],
    ['start with a key that was never used', unused, (s, m) => start(s, plain, m), /never been used.*cancel it/],
    ['start beside two keys', two, (s, m) => start(s, plain, m), /2 accepted keys already.*Revoke/],
    ['start by force beside two keys', two, (s, m) => start(s, { force: true }, m), /2 accepted keys already.*Revoke/],
    ['start while one runs', begun, (s, m) => start(s, plain, m), /is running.*never used, is cancelled/],
    ['start while an old key retires', over, (s, m) => start(s, plain, m), /is running.*ends at once/],
    ['finish where none runs', one, (s, m) => finish(s, plain, m), /No rotation is running/],
    ['finish before the new key is used', begun, (s, m) => finish(s, plain, m), /never been used.*with force/],
    ['cancel where none runs', one, cancel, /No rotation is running/],
    ['cancel after the new key was used', over, cancel, /in use since.*Finish.*or revoke/],
  ]

  test.each(refusals)('%s is refused with cause and fix, and changes nothing', (_, world, act, why) => {
    const there = world()
    const before = there.situation
    expect(() => there.act(act)).toThrow(RotationRefused)
    expect(() => there.act(act)).toThrow(why)
    expect(there.situation).toEqual(before)
  })
})
