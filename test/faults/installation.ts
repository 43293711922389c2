import { type Answer, ask, type Ground, metric, newConnection, type Program, until } from './running-program.ts'
import { type Service, serviceOf, services } from './services.ts'

/** The servers that the distributed program is started over. */
export interface Servers {
  readonly database: string
  readonly brokers: string
  readonly redis: string
  /** Of topics and channel, where others use the servers too. */
  readonly prefix?: string
}

/** Where one connection is provisioned, at each gateway. */
export interface Door {
  readonly bases: readonly string[]
  readonly key: string
}

export function environmentOf({ database, brokers, redis, prefix = 'latchkey' }: Servers): Record<string, string> {
  return {
    DATABASE_URL: database,
    KAFKA_BROKERS: brokers,
    KAFKA_TOPIC_PREFIX: prefix,
    REDIS_URL: redis,
    REDIS_PREFIX: prefix,
  }
}

export function urlOf(program: Program, service: Service): string {
  return serviceOf(program, service).url
}

export function pidsOf(program: Program): number[] {
  return services.map((service) => serviceOf(program, service).pid)
}

/** The connection of the program's first start, and one of another tenant. */
export async function twoTenants(program: Program): Promise<[Door, Door]> {
  const other = await newConnection(program, 'other', urlOf(program, 'keys'))
  return [
    { bases: [program.scimBaseUrl], key: program.key },
    { bases: [other.base], key: other.key },
  ]
}

/** The same connection at the gateway of another address too. */
export function alsoAt(url: string, { bases, key }: Door): Door {
  return { bases: [...bases, `${url}${new URL(bases[0] ?? '').pathname}`], key }
}

/** A service beside the program: a process of its own over the same servers and the same data folder. */
export async function startAnother(
  service: Service,
  ground: Ground,
  data: string,
  env: Record<string, string>,
): Promise<Another> {
  const program = ground.launch(data, env, service)
  const ready = new RegExp(`^Latchkey ${service} is ready at (\\S+)\n`, 'm')
  await until(`the other ${service} is ready`, () => program.hasEnded || ready.test(program.stdout))
  const url = ready.exec(program.stdout)?.[1]
  if (url === undefined) throw new Error(`the ${service} ended before it was ready: ${program.stderr}`)
  return { program, url }
}

export interface Another {
  readonly program: Program
  readonly url: string
}

/** What a process can do without what is away: names of health's `degraded`. */
export async function degradedAt(url: string): Promise<{ status: number; degraded: string[] }> {
  const { status, body } = await ask(`${url}/health/ready`, { token: '' })
  const degraded: { name: string }[] = Reflect.get(Object(body), 'degraded') ?? []
  return { status, degraded: degraded.map(({ name }) => name) }
}

export async function mint(program: Program, connection: string): Promise<{ kid: string; key: string }> {
  const url = `${urlOf(program, 'keys')}/admin/v1/connections/${connection}/keys`
  const { status, body } = await ask(url, { token: program.adminToken, body: {} })
  if (status !== 201) throw new Error(`minting was answered ${status}`)
  const key = String(Reflect.get(Object(body), 'key'))
  return { key, kid: key.split('_')[2] ?? '' }
}

export function revoke(program: Program, kid: string): Promise<Answer> {
  return ask(`${urlOf(program, 'keys')}/admin/v1/keys/${kid}/revoke`, { token: program.adminToken, body: {} })
}

/** Asks until the gateway no longer relies on what it remembered at first: it has read its own tables again. */
export async function statusesPastMemory(base: string, key: string): Promise<Set<number>> {
  const { origin } = new URL(base)
  const misses = (): Promise<number> => metric({ url: origin }, 'latchkey_known_keys_misses_total')
  const list = async (): Promise<number> => (await ask(`${base}/Users?count=1`, { token: key })).status
  const statuses = new Set([await list()])
  const before = await misses()
  await until('the key is read from the tables', async () => {
    statuses.add(await list())
    return (await misses()) > before
  })
  return statuses
}

/** Until each follower has applied everything of before this moment. */
export async function allHaveFollowed(program: Program): Promise<void> {
  const since = Date.now()
  for (const service of services) {
    const lag = (): Promise<number> =>
      metric({ url: urlOf(program, service) }, `latchkey_follower_lag_seconds{group="${service}"}`)
    await until(`${service} has caught up`, async () => (await lag()) * 1_000 < Date.now() - since)
  }
}
