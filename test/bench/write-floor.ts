import pg from 'pg'
import { migrateGateway } from '#apps/gateway/src/index'
import { newId } from '#libs/events/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import { Database } from '#libs/postgres/index'
import { type Floor, spread } from './figures.ts'

const userColumns = {
  connection: 'text',
  id: 'uuid',
  user_name_key: 'text',
  external_id: 'text',
  display_name_key: 'text',
  email_keys: 'text',
  active: 'boolean',
  version: 'int',
  created: 'timestamptz',
  last_modified: 'timestamptz',
  document: 'jsonb',
}
export type AppendsTo = 'event_log.event' | 'gateway.outbox'

const eventColumns: Readonly<Record<AppendsTo, Readonly<Record<string, string>>>> = {
  'event_log.event': {
    id: 'uuid',
    name: 'text',
    source: 'text',
    subject: 'text',
    key: 'text',
    version: 'int',
    time: 'timestamptz',
    traceparent: 'text',
    payload: 'text',
  },
  'gateway.outbox': {
    id: 'uuid',
    shard: 'smallint',
    name: 'text',
    subject: 'text',
    key: 'text',
    version: 'int',
    time: 'text',
    traceparent: 'text',
    payload: 'text',
  },
}

/** The rows that one request left behind: its user (with one e-mail) and its events. */
export interface Rows {
  readonly id: string
  readonly user: readonly unknown[]
  readonly events: readonly (readonly unknown[])[]
}

/** Keeps a copy of what is appended while `work` runs: an outbox forgets it at once. */
export async function watching<T>(client: pg.Client, appendsTo: AppendsTo, work: () => Promise<T>): Promise<T> {
  await client.query(`
    CREATE TABLE IF NOT EXISTS public.appended AS SELECT * FROM ${appendsTo} WITH NO DATA;
    CREATE OR REPLACE FUNCTION public.keep_appended() RETURNS trigger LANGUAGE plpgsql AS
      'BEGIN INSERT INTO public.appended SELECT NEW.*; RETURN NULL; END';
    CREATE TRIGGER keep_appended AFTER INSERT ON ${appendsTo} FOR EACH ROW EXECUTE FUNCTION public.keep_appended()`)
  try {
    return await work()
  } finally {
    await client.query(`DROP TRIGGER keep_appended ON ${appendsTo}`)
  }
}

/** Reads what the last request about the user of that id left behind, alone in its transaction, while it is watched. */
export async function rowsOf(client: pg.Client, appendsTo: AppendsTo, id: string): Promise<Rows> {
  const users = await client.query<{ xid: string } & Record<string, unknown>>(
    `SELECT xmin::text AS xid, connection, id, user_name_key, external_id, display_name_key, email_keys[1] AS email_keys, active,
       version, created, last_modified, document::text AS document FROM gateway.scim_user WHERE id = $1`,
    [id],
  )
  const [user] = users.rows
  if (user === undefined) throw new Error('the sample user is not there')
  const events = await client.query<Record<string, unknown>>(
    'SELECT * FROM public.appended WHERE xid::xid::text = $1 ORDER BY position',
    [user.xid],
  )
  return {
    id,
    user: Object.keys(userColumns).map((name) => user[name]),
    events: events.rows.map((event) => Object.keys(eventColumns[appendsTo]).map((name) => event[name])),
  }
}

/** What `pg` alone makes of the same rows, in this process: the gateway's real tables, indexes and log, in a database of their own. */
export class WriteFloor {
  readonly #url: string
  readonly #appendsTo: AppendsTo
  /** Ids of what was created so far, for updates. */
  readonly #ids: string[] = []

  private constructor(url: string, appendsTo: AppendsTo) {
    this.#url = url
    this.#appendsTo = appendsTo
  }

  static async open(serverUrl: string, appendsTo: AppendsTo): Promise<WriteFloor> {
    const url = new URL(serverUrl)
    const client = new pg.Client({ connectionString: serverUrl })
    await client.connect()
    await client.query('CREATE DATABASE floor')
    await client.end()
    url.pathname = '/floor'
    const database = new Database({ url: url.href, applicationName: 'bench', connections: 1 })
    await migrateGateway(database)
    await database.close()
    const log = await openPostgresEventLog({
      url: url.href,
      retention: 24 * 60 * 60 * 1000,
      clock: () => new Date(),
      onFailure: (error) => {
        throw error
      },
    })
    await log.close()
    return new WriteFloor(url.href, appendsTo)
  }

  /** One statement for each request, over at most 32 connections. */
  oneStatement(
    kind: 'create' | 'update',
    sample: Rows,
    waiting: number,
    seconds: number,
  ): Promise<Omit<Floor, 'ratio'>> {
    const statement = alone(kind, this.#appendsTo, sample.events.length)
    return this.#run('one statement', Math.min(32, waiting), seconds, waiting, (clients) => {
      const idle = [...clients]
      const queue: (() => void)[] = []
      return async (number) => {
        const { user, events } = this.#rows(kind, sample, number)
        while (idle.length === 0) await new Promise<void>((resolve) => queue.push(resolve))
        const client = idle.pop()
        if (client === undefined) throw new Error('no connection is idle')
        await client.query({ ...statement, values: [...user, ...events.flat()] })
        idle.push(client)
        queue.shift()?.()
      }
    })
  }

  /** What waits at the end of a turn of the event loop goes in one statement; three at the most are under way. */
  microBatched(
    kind: 'create' | 'update',
    sample: Rows,
    waiting: number,
    seconds: number,
  ): Promise<Omit<Floor, 'ratio'>> {
    const statement = together(kind, this.#appendsTo)
    return this.#run('micro-batched', 3, seconds, waiting, (clients) => {
      const idle = [...clients]
      let held: { rows: Rows; written: () => void; failed: (error: unknown) => void }[] = []
      let scheduled = false
      const flush = (): void => {
        scheduled = false
        const client = held.length === 0 ? undefined : idle.pop()
        if (client === undefined) return
        const batch = held
        held = []
        const values = [
          ...columns(
            batch.map(({ rows }) => rows.user),
            userColumns,
          ),
          ...columns(
            batch.flatMap(({ rows }) => rows.events),
            eventColumns[this.#appendsTo],
          ),
        ]
        client.query({ ...statement, values }).then(
          () => {
            idle.push(client)
            for (const { written } of batch) written()
            flush()
          },
          (error: unknown) => batch.forEach(({ failed }) => failed(error)),
        )
      }
      return (number) =>
        new Promise<void>((written, failed) => {
          held.push({ rows: this.#rows(kind, sample, number), written, failed })
          if (scheduled) return
          scheduled = true
          setImmediate(flush)
        })
    })
  }

  async #run(
    name: string,
    connections: number,
    seconds: number,
    waiting: number,
    writer: (clients: pg.Client[]) => (number: number) => Promise<void>,
  ): Promise<Omit<Floor, 'ratio'>> {
    const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: this.#url }))
    await Promise.all(clients.map((client) => client.connect()))
    const write = writer(clients)
    const latencies: number[] = []
    let number = 0
    const began = performance.now()
    await Promise.all(
      Array.from({ length: waiting }, async () => {
        while (performance.now() < began + seconds * 1000) {
          const sent = performance.now()
          await write(number++)
          latencies.push(performance.now() - sent)
        }
      }),
    )
    const perSecond = (latencies.length * 1000) / (performance.now() - began)
    await Promise.all(clients.map((client) => client.end()))
    return { name, perSecond, ...spread(latencies) }
  }

  /** The sample's rows once more, for a user of another id and name. */
  #rows(kind: 'create' | 'update', sample: Rows, number: number): Rows {
    const id = kind === 'create' ? newId() : (this.#ids[(number * 7919) % this.#ids.length] ?? '')
    if (kind === 'create') this.#ids.push(id)
    const name = id.slice(-17)
    const renamed = (value: unknown): unknown =>
      typeof value === 'string' ? value.replaceAll(sample.id, id).replaceAll(sampleName, name) : value
    return {
      id,
      user: sample.user.map(renamed),
      events: sample.events.map(([, ...others]) => [newId(), ...others.map(renamed)]),
    }
  }
}

/** The name of a user whose rows are repeated under other names. */
export const sampleName = 'sample-0-123456789'

function alone(kind: 'create' | 'update', appendsTo: AppendsTo, events: number): { name: string; text: string } {
  let number = 0
  const values = (list: Readonly<Record<string, string>>): string =>
    Object.entries(list)
      .map(([name, type]) => (name === 'email_keys' ? `ARRAY[$${++number}::text]` : `$${++number}::${type}`))
      .join(', ')
  const write =
    kind === 'create'
      ? `INSERT INTO gateway.scim_user (${Object.keys(userColumns).join(', ')}) VALUES (${values(userColumns)})`
      : `UPDATE gateway.scim_user AS t SET (${Object.keys(userColumns).join(', ')}) = ROW(${values(userColumns)})
         WHERE t.connection = $1 AND t.id = $2::uuid`
  return {
    name: `floor ${kind}`,
    text: `WITH written AS (${write}) INSERT INTO ${appendsTo} (${Object.keys(eventColumns[appendsTo]).join(', ')})
      VALUES ${Array.from({ length: events }, () => `(${values(eventColumns[appendsTo])})`).join(', ')}`,
  }
}

function together(kind: 'create' | 'update', appendsTo: AppendsTo): { name: string; text: string } {
  let number = 0
  const unnest = (list: Readonly<Record<string, string>>): string =>
    `unnest(${Object.values(list)
      .map((type) => `$${++number}::${type}[]`)
      .join(', ')}) AS r(${Object.keys(list).join(', ')})`
  const rows = Object.keys(userColumns).map((name) => (name === 'email_keys' ? 'ARRAY[r.email_keys]' : `r.${name}`))
  const write =
    kind === 'create'
      ? `INSERT INTO gateway.scim_user (${Object.keys(userColumns).join(', ')}) SELECT ${rows.join(', ')} FROM ${unnest(userColumns)}`
      : `UPDATE gateway.scim_user AS t SET (${Object.keys(userColumns).join(', ')}) = ROW(${rows.join(', ')}) FROM ${unnest(userColumns)}
         WHERE t.connection = r.connection AND t.id = r.id`
  return {
    name: `floor ${kind} together`,
    text: `WITH written AS (${write}) INSERT INTO ${appendsTo} (${Object.keys(eventColumns[appendsTo]).join(', ')}) SELECT * FROM ${unnest(eventColumns[appendsTo])}`,
  }
}

function columns(rows: readonly (readonly unknown[])[], list: object): unknown[][] {
  return Object.keys(list).map((_, column) => rows.map((row) => row[column]))
}
