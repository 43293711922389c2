import { setTimeout as pause } from 'node:timers/promises'
import { z } from 'zod'
import { type PublishedRecord, readPublished } from '../servers/published-events.ts'
import type { Servers } from './installation.ts'
import { rowsOf } from './running-program.ts'

/** What each place holds, as sorted lines that can be compared. */
export interface Known {
  /** ID VERSION of each user. */
  readonly records: readonly string[]
  readonly directory: readonly string[]
  /** ID VERSION,VERSION,... of each user, in the order of offsets. */
  readonly events: readonly string[]
  /** Ids of the decisions about requests: as published, as often as they are, and as audited. */
  readonly decided: readonly string[]
  readonly audited: readonly string[]
  /** Ids of the users whose creation was accepted, as published and as audited. */
  readonly creationsDecided: readonly string[]
  readonly creationsAudited: readonly string[]
  readonly waiting: number
  readonly dead: number
}

const decision = z.object({
  requestId: z.string(),
  outcome: z.string(),
  operation: z.string().nullable(),
  subject: z.object({ id: z.string() }).nullable(),
})

/** Looks until nothing is on its way any more, for `patience` milliseconds at the most; answers what was seen last. */
export async function whatIsKnown(servers: Servers, patience = 60_000): Promise<Known> {
  const { brokers, prefix = 'latchkey' } = servers
  const topics = ['people', 'requests', 'sandbox-people', 'sandbox-requests']
  const published = await readPublished(
    brokers,
    topics.map((topic) => `${prefix}.${topic}`),
  )
  const deadline = Date.now() + patience
  try {
    for (;;) {
      const known = await look(servers.database, await published.all())
      if (isSettled(known) || Date.now() > deadline) return known
      await pause(200)
    }
  } finally {
    await published.close()
  }
}

function isSettled({ waiting, records, directory, decided, audited }: Known): boolean {
  return waiting === 0 && audited.length === decided.length && directory.join() === records.join()
}

async function look(database: string, published: readonly PublishedRecord[]): Promise<Known> {
  const lines = async (text: string): Promise<string[]> =>
    (await rowsOf<{ line: string }>(database, text)).map(({ line }) => line).sort()
  const count = async (tables: readonly string[]): Promise<number> => {
    const counts = tables.map((table) => `(SELECT count(*) FROM ${table})`)
    return Number((await lines(`SELECT (${counts.join(' + ')})::text AS line`))[0])
  }
  const decisions = published
    .filter(({ headers }) => headers['ce_type'] === 'request.decided')
    .map(({ value }) => decision.parse(JSON.parse(value)))
  return {
    waiting: await count(['gateway.outbox', 'keys.outbox', 'directory.outbox', 'audit.outbox']),
    records: await lines(`SELECT id || ' ' || version AS line FROM gateway.scim_user`),
    directory: await lines(`SELECT id || ' ' || version AS line FROM directory.person WHERE facts IS NOT NULL`),
    events: versionsByUser(published.filter(({ headers }) => headers['ce_type']?.startsWith('user.'))),
    decided: decisions.map(({ requestId }) => requestId).sort(),
    audited: await lines('SELECT id AS line FROM audit.record'),
    creationsDecided: decisions
      .flatMap(({ outcome, operation, subject }) =>
        outcome === 'accepted' && operation === 'users.create' ? [subject?.id ?? ''] : [],
      )
      .sort(),
    creationsAudited: await lines(
      `SELECT payload::jsonb #>> '{subject,id}' AS line FROM audit.record WHERE outcome = 'accepted' AND operation = 'users.create'`,
    ),
    dead: await count(['gateway', 'keys', 'directory', 'audit'].map((schema) => `${schema}.dead_letter`)),
  }
}

function versionsByUser(records: readonly PublishedRecord[]): string[] {
  const byUser = Map.groupBy(records, ({ headers, partition }) => `${headers['ce_subject']} in ${partition}`)
  return [...byUser.values()]
    .map((of) => {
      const ordered = of.toSorted((one, other) => one.offset - other.offset)
      return `${of[0]?.headers['ce_subject']} ${ordered.map(({ headers }) => headers['ce_sequence']).join()}`
    })
    .sort()
}

/** Records, events, directory and audit tell the same of the same users: each version once, in order. */
export function expectAgreement(known: Known, answered: ReadonlyMap<string, number>): void {
  const users = [...answered].sort(([one], [other]) => (one < other ? -1 : 1))
  const states = users.map(([id, version]) => `${id} ${version}`)
  expect(known).toEqual({
    records: states,
    directory: states,
    events: users.map(([id, version]) => `${id} ${versionsTo(version).join()}`),
    decided: known.audited,
    audited: [...new Set(known.audited)],
    creationsDecided: users.map(([id]) => id),
    creationsAudited: users.map(([id]) => id),
    waiting: 0,
    dead: 0,
  })
}

function versionsTo(version: number): number[] {
  return Array.from({ length: version }, (_, before) => before + 1)
}
