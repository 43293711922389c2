import { once } from 'node:events'
import { connect } from 'node:net'
import type { OwnRedis } from '../servers/own-redis.ts'
import type { Condition } from './revocation.ts'

const second = 1_000

/** Under what keys are revoked. Rounds are as many as take all of it a few minutes: to bring a server back takes seconds. */
export const conditions: readonly Condition[] = [
  { name: 'all present', rounds: 20, keys: 10, bound: second },
  { name: 'Redis flushed right before', rounds: 10, keys: 10, bound: second, before: ({ redis }) => flush(redis) },
  {
    name: 'Redis silent',
    rounds: 5,
    keys: 20,
    bound: second,
    around: ({ redis }, round) => redis.freeze(round),
  },
  {
    name: 'Redis away',
    rounds: 5,
    keys: 20,
    bound: second,
    around: ({ redis }, round) => redis.outage(round),
  },
  {
    name: 'Redis killed and started meanwhile',
    rounds: 12,
    keys: 5,
    bound: second,
    around: async ({ redis }, round) => void (await Promise.all([redis.kill(), round()])),
  },
  { name: 'Kafka away', rounds: 1, keys: 200, bound: second, around: ({ kafka }, round) => kafka.outage(round) },
  {
    name: 'Kafka and Redis silent',
    rounds: 5,
    keys: 5,
    together: true,
    bound: 5 * second,
    around: ({ kafka, redis }, round) =>
      redis.freeze(() =>
        kafka.freeze(async () => {
          await round()
          // What came to them before they stood still is no longer news when they go on.
          await new Promise((resolve) => setTimeout(resolve, 2 * second))
        }),
      ),
  },
]

async function flush({ url }: OwnRedis): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write('FLUSHALL\r\n')
  const [answer] = await once(socket, 'data')
  socket.destroy()
  if (String(answer) !== '+OK\r\n') throw new Error(`Redis was not flushed: ${String(answer)}`)
}
