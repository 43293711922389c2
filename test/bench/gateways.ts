import { degradedAt, environmentOf, mint, revoke, startAnother, urlOf } from '../faults/installation.ts'
import { ask, Ground, type Program, until } from '../faults/running-program.ts'
import { type OwnKafka, startOwnKafka } from '../servers/own-kafka.ts'
import { startOwnPostgres } from '../servers/own-postgres.ts'
import { type OwnRedis, startOwnRedis } from '../servers/own-redis.ts'
import { unlessInterrupted } from './interrupted.ts'

/** A key, and where it is used at each gateway. */
export interface Used {
  readonly kid: string
  readonly key: string
  readonly urls: readonly URL[]
}

/** The distributed program with further gateways, over servers of its own that can go away. */
export class Gateways {
  readonly kafka: OwnKafka
  readonly redis: OwnRedis
  readonly #program: Program
  readonly #urls: readonly string[]
  readonly #connections: string[] = []

  constructor(
    program: Program,
    urls: readonly string[],
    servers: { readonly kafka: OwnKafka; readonly redis: OwnRedis },
  ) {
    this.#program = program
    this.#urls = urls
    this.kafka = servers.kafka
    this.redis = servers.redis
  }

  /** Keys of as many connections, accepted by every gateway. A connection's key before must have been revoked. */
  async mint(many: number): Promise<Used[]> {
    while (this.#connections.length < many) this.#connections.push(await this.#newConnection())
    const keys: Used[] = []
    for (const connection of this.#connections.slice(0, many)) {
      const minted = await mint(this.#program, connection)
      const urls = this.#urls.map((url) => new URL(`${url}/scim/v2/${connection}/ServiceProviderConfig`))
      keys.push({ ...minted, urls })
    }
    for (const { key, urls } of keys) {
      for (const url of urls) {
        const status = async (): Promise<number> => (await ask(url.href, { token: key })).status
        await until('the key is accepted', async () => (await status()) === 200)
      }
    }
    return keys
  }

  /** Resolves once the revocation is answered. */
  async revoke({ kid }: Used): Promise<void> {
    const { status } = await revoke(this.#program, kid)
    if (status !== 200) throw new Error(`revoking was answered ${status}`)
  }

  /** Until no process does without Kafka or Redis. */
  async haveAll(): Promise<void> {
    for (const url of [urlOf(this.#program, 'keys'), ...this.#urls]) {
      await until('nothing is away', async () => {
        const { status, degraded } = await degradedAt(url)
        return status === 200 && degraded.length === 0
      })
    }
  }

  async #newConnection(): Promise<string> {
    const { status, body } = await ask(`${urlOf(this.#program, 'keys')}/admin/v1/tenants/acme/connections`, {
      token: this.#program.adminToken,
      body: { name: `bench ${this.#connections.length}`, environment: 'live' },
    })
    if (status !== 201) throw new Error(`a new connection was answered ${status}`)
    return String(Reflect.get(Object(body), 'id'))
  }
}

/** Runs `work` with so many gateways; all that was started ends, and leaves nothing. */
export async function withGateways<T>(many: number, work: (gateways: Gateways) => Promise<T>): Promise<T> {
  const ground = new Ground()
  const started = await Promise.allSettled([startOwnKafka(), startOwnPostgres(), startOwnRedis()])
  const [kafka, postgres, redis] = started
  try {
    if (kafka.status === 'rejected' || postgres.status === 'rejected' || redis.status === 'rejected')
      throw new AggregateError(started.flatMap((start) => (start.status === 'rejected' ? [start.reason] : [])))
    const data = ground.folder()
    const env = {
      ...environmentOf({
        database: await postgres.value.createDatabase(),
        brokers: kafka.value.brokers,
        redis: redis.value.url,
      }),
      LATCHKEY_LOG_LEVEL: 'error',
    }
    const program = await ground.start(data, env, 'distributed')
    const urls = [urlOf(program, 'gateway')]
    while (urls.length < many) urls.push((await startAnother('gateway', ground, data, env)).url)
    const servers = { kafka: kafka.value, redis: redis.value }
    return await unlessInterrupted(work(new Gateways(program, urls, servers)))
  } finally {
    await ground.end()
    for (const server of started) if (server.status === 'fulfilled') await server.value.stop()
  }
}
