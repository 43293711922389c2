import type { TrustChannel } from '../channel.ts'
import type { CacheError, OnFailure } from '../errors.ts'
import { until } from './until.ts'

/** Two ends of one channel, as two processes have them. */
export interface Ends {
  readonly one: TrustChannel
  readonly other: TrustChannel
}

/** What every channel must guarantee. */
export function describeChannel(adapter: string, open: (onFailure: OnFailure) => Ends | Promise<Ends>): void {
  describe(`the channel over ${adapter}`, () => {
    let ends: Ends
    let failures: CacheError[]
    beforeEach(async () => {
      failures = []
      ends = await open((failure) => failures.push(failure))
    })
    afterEach(async () => {
      await Promise.all([ends.one.close(), ends.other.close()])
    })

    async function listen(channel: TrustChannel): Promise<string[]> {
      const heard: string[] = []
      const subscription = channel.subscribe(
        (message) => heard.push(message),
        () => {},
      )
      await subscription.inForce
      return heard
    }

    test('a message reaches every subscriber, those of its publisher too', async () => {
      const all = await Promise.all([listen(ends.one), listen(ends.one), listen(ends.other)])
      ends.one.publish('key 1')
      ends.other.publish('key 2')
      await until(() => all.every((heard) => heard.length === 2))
      for (const heard of all) expect(heard.toSorted()).toEqual(['key 1', 'key 2'])
      expect(failures).toEqual([])
      expect(ends.one.state).toBe('connected')
    })

    test('the messages of one publisher are heard in their order, each once', async () => {
      const heard = await listen(ends.other)
      const messages = Array.from({ length: 500 }, (_, number) => `message ${number}`)
      for (const message of messages) ends.one.publish(message)
      await until(() => heard.includes('message 499'))
      expect(heard).toEqual(messages)
    })

    test('once it is in force nothing is missed, and it says since when', async () => {
      const began = Date.now()
      const subscription = ends.other.subscribe(
        () => {},
        () => {},
      )
      await subscription.inForce
      expect(subscription.unbrokenSince).toBeGreaterThanOrEqual(began)
      expect(subscription.unbrokenSince).toBeLessThanOrEqual(Date.now())
      subscription.end()
    })

    test('any text is a message', async () => {
      const heard = await listen(ends.other)
      const messages = ['', '!', '=', 'two\nlines', '{"é":"日本"}', 'x'.repeat(100_000)]
      for (const message of messages) ends.one.publish(message)
      await until(() => heard.length === messages.length)
      expect(heard).toEqual(messages)
    })

    test('a publisher does not wait for its subscribers', async () => {
      const heard = await listen(ends.one)
      ends.one.publish('later')
      expect(heard).toEqual([])
      await until(() => heard.length === 1)
    })

    test('a subscriber that fails keeps no other from hearing, and is told', async () => {
      const broken = ends.one.subscribe(
        () => {
          throw new Error('broken')
        },
        () => {},
      )
      await broken.inForce
      const heard = await listen(ends.one)
      ends.other.publish('heard')
      await until(() => heard.length === 1)
      expect(failures).toEqual([expect.objectContaining({ fault: 'handler-failed' })])
    })

    test('a subscription that has ended hears nothing more', async () => {
      const ended: string[] = []
      const subscription = ends.one.subscribe(
        (message) => ended.push(message),
        () => {},
      )
      await subscription.inForce
      const heard = await listen(ends.one)
      subscription.end()
      ends.other.publish('after')
      await until(() => heard.length === 1)
      expect(ended).toEqual([])
    })

    test('a closed channel hears nothing, and tells what it cannot send', async () => {
      const heard = await listen(ends.one)
      await ends.one.close()
      ends.one.publish('too late')
      await until(() => failures.length === 1)
      expect(failures).toMatchObject([{ fault: 'publish-lost' }])
      expect(heard).toEqual([])
      await ends.one.close()
    })
  })
}
