import 'reflect-metadata'
import { type DynamicModule, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { MicroserviceOptions } from '@nestjs/microservices'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AdminCalls, Admission, KnownTokens, type Operations, TokenLookUps } from '#libs/admin/index'
import { localChannel } from '#libs/cache/index'
import { generatePeppers } from '#libs/credentials/index'
import { EventLogServer } from '#libs/eventlog/nest/index'
import { openPostgresEventLog } from '#libs/eventlog/postgres/index'
import { AppendQueue, type EventLog, type Follower } from '#libs/eventlog/index'
import type { AnyEvent, Person, RequestDecided } from '#libs/events/index'
import { createHttpAdapter, listen, ProblemFilter } from '#libs/http/index'
import { Database } from '#libs/postgres/index'
import { startTelemetry } from '#libs/telemetry/index'
import { testDatabase } from './servers/postgres.ts'
import { unlimitedRates } from './unlimited.ts'

export const adminToken = 'an-admin-token-for-tests'
export const peppers = generatePeppers()

/** Who is let in, and a channel by which the service hears of revoked tokens. */
export function admitted(database: Database, schema: string) {
  const onFailure = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
  return {
    admission: new Admission({
      bootstrap: [adminToken],
      tokens: new KnownTokens(database, schema),
      lookUps: new TokenLookUps(unlimitedRates),
      peppers,
      clock: () => new Date(),
      isCurrent: () => true,
      onFailure,
    }),
    tokenChannel: { channel: localChannel(onFailure, 'one process'), onFailure },
  }
}

export interface FollowerServiceOptions {
  readonly module: (database: Database, log: EventLog) => DynamicModule
  readonly prepare: (database: Database) => Promise<void>
  readonly transportId: symbol
  readonly group: string
  readonly schema: string
  /** Those whose calls leave a record. */
  readonly operations: Operations
}

/** What the query APIs answer, as far as tests look into it. */
export interface FollowerAnswer {
  readonly items: readonly (Person & RequestDecided)[]
  readonly next?: string
  readonly version: number
  readonly code?: string
  readonly detail?: string
  readonly errors?: readonly { readonly detail: string }[]
  readonly groups: readonly { readonly id: string; readonly direct: boolean }[]
  readonly members: { readonly items: readonly { readonly id: string }[]; readonly next?: string }
}

export interface FollowerService {
  readonly database: Database
  readonly follower: Follower
  /** Appends, in one transaction, and resolves once all of it is applied or buried. */
  tell(...events: readonly AnyEvent[]): Promise<void>
  get(path: string, token?: string): Promise<{ status: number; body: FollowerAnswer }>
  /** A request with the admin token. */
  ask(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }>
  stop(): Promise<void>
}

/** One service alone, over a real Postgres, a real event log and real HTTP. */
export async function startFollowerService(options: FollowerServiceOptions): Promise<FollowerService> {
  const { url, drop } = await testDatabase()
  const database = new Database({ url, applicationName: 'test', connections: 8 })
  await options.prepare(database)
  const year = 365 * 24 * 60 * 60 * 1000
  const onFailure = (error: unknown): void => void process.stderr.write(`${String(error)}\n`)
  const log = await openPostgresEventLog({ url, retention: year, clock: () => new Date(), pollEvery: 20, onFailure })
  @Module({})
  class Program {}
  const adapter = createHttpAdapter({ bodyLimit: 1_000, requestTimeoutMs: 5_000 })
  const clock = (): Date => new Date()
  const telemetry = await startTelemetry({ service: 'test' })
  const decisions = new AppendQueue({ log, database, capacity: 1_000, onFailure })
  const calls = AdminCalls.with({
    source: 'keys',
    operations: options.operations,
    decisions,
    clock,
    telemetry,
    unproved: unlimitedRates.unproved,
  })
  const program = { module: Program, imports: [options.module(database, log), calls] }
  const app = await NestFactory.create<NestFastifyApplication>(program, adapter, { logger: false, bodyParser: false })
  app.useGlobalFilters(
    new ProblemFilter({
      logger: { error: (_fields, message) => void process.stderr.write(`${message}\n`) },
      methodsAt: (path) => adapter.methodsAt(path),
    }),
  )
  const { group, schema, transportId } = options
  const strategy = new EventLogServer({ log, group, transportId, database, schema })
  app.connectMicroservice<MicroserviceOptions>({ strategy })
  await app.startAllMicroservices()
  const { url: address, close } = await listen(app, { host: '127.0.0.1', port: 0 })
  const { follower } = strategy
  if (follower === undefined) throw new Error('nothing is followed')
  return {
    database,
    follower,
    async tell(...events) {
      await database.transaction(async (transaction) => log.append(transaction, events))
      const appended = Date.now()
      while ((follower.followedUpTo()?.getTime() ?? 0) <= appended)
        await new Promise((resolve) => setTimeout(resolve, 5))
    },
    async get(path, token = adminToken) {
      const answer = await fetch(`${address}${path}`, { headers: { authorization: `Bearer ${token}` } })
      return { status: answer.status, body: (await answer.json()) as FollowerAnswer }
    },
    async ask(method, path, body) {
      const answer = await fetch(`${address}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${adminToken}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: answer.status, body: await answer.json() }
    },
    async stop() {
      await close()
      await decisions.drained()
      await telemetry.shutdown()
      await log.close()
      await database.close()
      await drop()
    },
  }
}
