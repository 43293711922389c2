import { makeEvent } from '#libs/events/index'
import { connectionIs, day, detectionsService, type Facts, hour, minute, refused } from '#test/detections-service'
import { Detective } from '../detective.ts'
import { readThresholds } from './thresholds.ts'

const { audit, found, given, log, raisedEvents, rulesFound, tell } = detectionsService()

describe('networks of a key', () => {
  const from = (address: string, before: number): Facts => ({
    address,
    receivedAt: new Date(Date.now() - before).toISOString(),
  })

  it('the very first is nothing new, nor is another address of it', async () => {
    await tell(from('192.0.2.7', 90 * minute))
    await tell(from('192.0.2.200', 60 * minute), from('192.0.2.7', 5 * minute))
    expect(await rulesFound()).toEqual([])
  })

  it('a further one is told once', async () => {
    await tell(from('192.0.2.7', 90 * minute))
    await tell(from('198.51.100.1', 60 * minute))
    await tell(from('192.0.2.7', 30 * minute))
    await tell(from('198.51.100.1', 5 * minute))
    expect(await found()).toMatchObject([
      { rule: 'new-network', count: 1, subject: { kind: 'key', id: given.who.kid } },
    ])
  })

  it('two within minutes are told, in whatever order they are heard of', async () => {
    await tell(from('192.0.2.7', 90 * minute), from('198.51.100.1', 70 * minute))
    expect(await rulesFound()).toEqual(['new-network'])
    await tell(from('192.0.2.7', 20 * minute))
    await tell(from('198.51.100.1', 29 * minute))
    expect(await rulesFound()).toEqual(['new-network', 'several-networks'])
  })

  it('two further apart are not, nor two of different keys', async () => {
    await tell(from('192.0.2.7', 90 * minute), from('198.51.100.1', 79 * minute))
    await tell({ ...from('203.0.113.1', 79 * minute), kid: `${given.who.kid}-other` })
    expect(await rulesFound()).toEqual(['new-network'])
  })
})

describe('a key whose place another took', () => {
  const rotation = (before: number, id = crypto.randomUUID()) => {
    const time = new Date(Date.now() - before)
    const origin = (version: number) =>
      ({ source: 'keys', subject: id, owner: given.who.connection, version, time }) as const
    const named = {
      tenant: given.who.tenant,
      connection: given.who.connection,
      rotation: id,
      from: given.who.kid,
      to: `${given.who.kid}-next`,
    }
    const use = { at: time.toISOString(), address: '192.0.2.7', userAgent: null }
    return {
      cutOver: makeEvent('rotation.cut-over', origin(2), { ...named, firstUse: use, lastUse: null, until: use.at }),
      finished: makeEvent('rotation.finished', origin(3), {
        ...named,
        by: 'operator',
        outcome: 'old-ended-by-operator',
        lastUse: null,
      }),
      cancelled: makeEvent('rotation.cancelled', origin(3), { ...named, by: 'operator', outcome: 'new-revoked' }),
    }
  }

  it('is told of when it is still used an hour later', async () => {
    await tell({})
    await audit().tell(rotation(2 * hour).cutOver)
    await tell({})
    expect(await found()).toMatchObject([
      { rule: 'retiring-key-used', subject: { kind: 'key', id: given.who.kid }, count: 1 },
    ])
  })

  it('is not within that hour, nor another key, nor once it is accepted no more', async () => {
    await audit().tell(rotation(hour / 2).cutOver)
    await tell({}, { kid: `${given.who.kid}-next` })
    const ended = rotation(3 * hour)
    await audit().tell(ended.cutOver, ended.finished)
    await tell(refused(401, 'key-revoked'))
    expect(await rulesFound()).toEqual(['ended-key-used'])
  })

  it('is not once the new key was revoked and it is the one that is left, but is again when another takes its place', async () => {
    const brokenOff = rotation(5 * hour)
    await audit().tell(brokenOff.cutOver, brokenOff.cancelled)
    await tell({})
    expect(await rulesFound()).toEqual([])
    await audit().tell(rotation(2 * hour).cutOver, rotation(5 * hour).cancelled)
    await tell({})
    expect(await rulesFound()).toEqual(['retiring-key-used'])
  })
})

describe('silence', () => {
  const lookAt = (instant: number): Promise<void> =>
    new Detective({
      log: log(),
      thresholds: readThresholds('{}'),
      clock: () => new Date(instant),
      raised: () => {},
    }).lookForSilence(audit().database)

  /** A request every two hours for so many days, the last of them a day ago. */
  async function traffic(days: number): Promise<number> {
    const last = Date.now() - day
    const requests = Array.from({ length: days * 12 }, (_, index): Facts => {
      return { receivedAt: new Date(last - index * 2 * hour).toISOString() }
    })
    await tell(...requests)
    return last
  }

  it('is told once it is longer than three times the usual pause, and once only', async () => {
    const last = await traffic(5)
    await audit().tell(connectionIs(given.who.connection, 'sandbox', 'enabled', given.who.tenant))
    await lookAt(last + 6 * hour)
    expect(await rulesFound()).toEqual([])
    await lookAt(last + 6 * hour + 1)
    await lookAt(last + 20 * hour)
    const [own, ...others] = await found()
    expect(others).toEqual([])
    const subject = { kind: 'connection', id: given.who.connection }
    expect(own).toMatchObject({ rule: 'silence', subject, environment: 'sandbox', count: 1 })
    expect(own?.firstSeen).toBe(new Date(last).toISOString())
    expect(await raisedEvents()).toHaveLength(1)
  })

  it('is told of a connection whose every request is refused for its key', async () => {
    const last = await traffic(5)
    const hourly = Array.from({ length: 8 }, (_, index): Facts => {
      return { ...refused(401, 'key-expired'), receivedAt: new Date(last + (index + 1) * hour).toISOString() }
    })
    await tell(...hourly)
    await lookAt(last + 6 * hour + 1)
    expect(await rulesFound()).toEqual(['ended-key-used', 'silence'])
  })

  it('is not told of a connection that is new, was heard of since, or is disabled', async () => {
    const tenant = given.who.tenant
    await traffic(1)
    given.who = { ...given.who, connection: `${tenant}-b` }
    const last = await traffic(5)
    await tell({ receivedAt: new Date(last + 5 * hour).toISOString() })
    given.who = { ...given.who, connection: `${tenant}-c` }
    await traffic(5)
    await audit().tell(connectionIs(given.who.connection, 'live', 'disabled'))
    await lookAt(last + 7 * hour)
    expect(await found({ tenant })).toEqual([])
  })

  it('is told of a connection that is enabled again only once it is as long from then on', async () => {
    const last = await traffic(5)
    const is = (state: 'enabled' | 'disabled', at: number, version: number) =>
      connectionIs(given.who.connection, 'live', state, given.who.tenant, { time: new Date(at), version })
    await audit().tell(is('disabled', last, 2))
    await audit().tell(is('enabled', last + 10 * hour, 3))
    await lookAt(last + 16 * hour)
    expect(await rulesFound()).toEqual([])
    await lookAt(last + 16 * hour + 1)
    expect(await rulesFound()).toEqual(['silence'])
  })

  it('is not told beyond what has been followed', async () => {
    const last = await traffic(5)
    await audit().database.query(
      `INSERT INTO audit.followed (follower, place, up_to) VALUES ('audit other/1', '{}', $1)`,
      [new Date(last + hour)],
    )
    await lookAt(last + 20 * hour)
    expect(await rulesFound()).toEqual([])
    await audit().database.query(`DELETE FROM audit.followed WHERE follower = 'audit other/1'`)
  })

  it('of several processes that look at once tells it once', async () => {
    const last = await traffic(5)
    await Promise.all(Array.from({ length: 4 }, () => lookAt(last + 7 * hour)))
    expect(await raisedEvents()).toHaveLength(1)
  })
})
