import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { type BadKey, badKeys, makeAddresses, makeBadKeys } from './bad-keys.ts'
import { Connection } from './connection.ts'
import { ownShare } from './figures.ts'

export interface Flood {
  readonly url: string
  /** Below the SCIM base. */
  readonly path: string
  /** Requests a second, sent at their time; what finds no connection free is not sent. */
  readonly rate: number
  readonly connections: number
  readonly seconds: number
  readonly kinds: readonly BadKey[]
  /** A key that is accepted, for those that name its kid. */
  readonly accepted: string
  /** Networks that they seem to come from, as a proxy tells it. */
  readonly networks: number
}

const flood: z.ZodType<Flood> = z.object({
  url: z.string(),
  path: z.string(),
  rate: z.number(),
  connections: z.number(),
  seconds: z.number(),
  kinds: z.array(z.enum(badKeys)),
  accepted: z.string(),
  networks: z.number(),
})

const flooded = z.object({
  seconds: z.number(),
  /** How many were answered, by status. */
  statuses: z.record(z.string(), z.number()),
  /** Not sent, since all connections still waited for an answer. */
  unsent: z.number(),
  /** What part of one core the sender used. */
  sender: z.number(),
})
export type Flooded = z.infer<typeof flooded>

const differentKeys = 20_000

/** Sends bad keys from a process of its own. `meanwhile` begins when the first of them is sent. */
export async function send(asked: Flood, meanwhile: () => Promise<void>): Promise<Flooded> {
  const sender = fork(fileURLToPath(import.meta.url))
  try {
    const ended = once(sender, 'exit').then(() => Promise.reject(new Error('the sender of bad keys ended')))
    const told = (): Promise<unknown> => Promise.race([once(sender, 'message').then(([message]) => message), ended])
    sender.send(asked)
    await told()
    const done = told()
    await meanwhile()
    return flooded.parse(await done)
  } finally {
    sender.kill()
  }
}

async function run({ url, path, rate, connections, seconds, kinds, accepted, networks }: Flood): Promise<Flooded> {
  const keys = kinds.map((kind) => makeBadKeys(kind, differentKeys, accepted))
  const addresses = makeAddresses(networks)
  const headersOf = (number: number): string => {
    const key = keys[number % keys.length]?.[Math.floor(number / keys.length) % differentKeys]
    return `authorization: Bearer ${key}\r\nx-forwarded-for: ${addresses[number % networks]}\r\nx-forwarded-proto: https\r\n`
  }
  const idle = await Promise.all(Array.from({ length: connections }, () => Connection.open(new URL(url))))
  const statuses: Record<string, number> = {}
  const ask = async (connection: Connection, number: number): Promise<void> => {
    const { status } = await connection.request('GET', path, headersOf(number))
    statuses[status] = (statuses[status] ?? 0) + 1
    idle.push(connection)
  }
  process.send?.('begun')
  const share = ownShare()
  const began = performance.now()
  let unsent = 0
  for (let number = 0, elapsed = 0; elapsed < seconds * 1_000; elapsed = performance.now() - began) {
    for (; number < (elapsed * rate) / 1_000; number++) {
      const connection = idle.shift()
      if (connection === undefined) unsent++
      else void ask(connection, number)
    }
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  const sender = share()
  while (idle.length < connections) await new Promise((resolve) => setTimeout(resolve, 1))
  return { seconds: (performance.now() - began) / 1_000, statuses, unsent, sender }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [asked] = await once(process, 'message')
  process.send?.(await run(flood.parse(asked)))
}
