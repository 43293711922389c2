import {
  append,
  caughtUp,
  counted,
  effects,
  effectsReach,
  follow,
  type Harness,
  recordEffects,
  told,
} from './harness.ts'

export function itBuriesWhatFails(harness: () => Harness): void {
  it('buries an event that fails by itself, with its reason, lets the rest flow on, and replays it once mended', async () => {
    const { log, database } = harness()
    const events = counted(40).map((number) => told(`key-${number}`, 1))
    const poisoned = new Set([events[3]?.id, events[17]?.id])
    let mended = false
    await append(harness(), events)
    const { follower, buried } = follow(log, database, {
      handle: async (batch, { transaction }) => {
        await recordEffects(transaction, batch)
        if (!mended && batch.some((event) => poisoned.has(event.id))) throw new RangeError('cannot be applied')
      },
    })
    await caughtUp(follower)
    const rest = events.filter((event) => !poisoned.has(event.id))
    expect((await effects(database)).map((effect) => effect.id).sort()).toEqual(rest.map((event) => event.id).sort())
    expect(buried).toEqual(['RangeError: cannot be applied', 'RangeError: cannot be applied'])
    const letters = await follower.deadLetters(10)
    expect(new Set(letters.map(({ id, name, key, reason }) => ({ id, name, key, reason })))).toEqual(
      new Set(
        [events[3], events[17]].map((event) => ({
          id: event?.id,
          name: 'tenant.created',
          key: event?.key,
          reason: 'RangeError: cannot be applied',
        })),
      ),
    )

    expect(await follower.replay()).toEqual({ applied: [], stillDead: letters.map((letter) => letter.id) })
    mended = true
    expect(await follower.replay()).toEqual({ applied: letters.map((letter) => letter.id), stillDead: [] })
    expect(await follower.deadLetters(10)).toEqual([])
    expect(await effects(database)).toHaveLength(40)
    await follower.stop()
  }, 30_000)

  it('tells nothing of a letter that is gone before its turn, and leaves one that met a deadlock as it was', async () => {
    const { log, database } = harness()
    const events = counted(2).map((version) => told('key', version))
    let replayed = (): Promise<unknown> => Promise.reject(new RangeError('cannot be applied'))
    await append(harness(), events)
    const { follower } = follow(log, database, { handle: async () => void (await replayed()) })
    await caughtUp(follower)
    replayed = () => Promise.reject(Object.assign(new Error('deadlock detected'), { code: '40P01' }))
    await expect(follower.replay()).rejects.toThrow('deadlock detected')
    expect((await follower.deadLetters(10)).map((letter) => letter.reason)).toEqual([
      'RangeError: cannot be applied',
      'RangeError: cannot be applied',
    ])

    replayed = () => database.query('DELETE FROM follower.dead_letter WHERE id = $1', [events[1]?.id])
    expect(await follower.replay()).toEqual({ applied: [events[0]?.id], stillDead: [] })
    expect(await follower.deadLetters(10)).toEqual([])
    await follower.stop()
  }, 30_000)

  it('buries an event that the database refuses, without telling its values', async () => {
    const { log, database } = harness()
    await append(harness(), [told('good', 1), told('not-a-number', 1), told('good', 2)])
    const { follower } = follow(log, database, {
      handle: async (batch, { transaction }) => {
        for (const event of batch.filter(({ subject }) => subject === 'not-a-number')) {
          transaction.send('SELECT $1::int', [event.subject])
        }
        await recordEffects(transaction, batch)
      },
    })
    await caughtUp(follower)
    expect((await effects(database)).map((effect) => effect.key)).toEqual(['conformance/good', 'conformance/good'])
    expect((await follower.deadLetters(10)).map((letter) => letter.reason)).toEqual([
      'the database refused it with SQLSTATE 22P02',
    ])
    await follower.stop()
  }, 30_000)

  it.each([
    ['is not JSON', '{"tenant":'],
    ['does not fit its schema', '{"tenant":1,"name":"\\u0000"}'],
  ])(
    'buries an event whose payload %s, and applies the rest',
    async (_, payload) => {
      const { log, database, appendText } = harness()
      const unreadable = told('unreadable', 1)
      await append(harness(), [told('before', 1)])
      await appendText(unreadable, payload)
      await append(harness(), [told('after', 1)])
      const { follower } = follow(log, database)
      await effectsReach(database, 2)
      await caughtUp(follower)
      const letters = await follower.deadLetters(10)
      expect(letters.map((letter) => letter.id)).toEqual([unreadable.id])
      expect(letters[0]?.reason).toMatch(/^UnreadableEvent: payload of tenant\.created does not fit its schema/)
      expect(await follower.replay()).toEqual({ applied: [], stillDead: [unreadable.id] })
      await follower.stop()
    },
    30_000,
  )
}
