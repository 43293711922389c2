import { AuditModule, auditOperations, type AuditParts, observeDetections } from '#apps/audit/src/index'
import { DirectoryModule, directoryOperations } from '#apps/directory/src/index'
import {
  Currency,
  gatewayGroup,
  GatewayModule,
  gatewayOperations,
  type GatewayParts,
  gatewayForms,
  LeasedNonces,
} from '#apps/gateway/src/index'
import {
  ensureQuickstart,
  keysAdmission,
  keysGroup,
  KeysModule,
  keysOperations,
  type KeysParts,
  type Quickstart,
} from '#apps/keys/src/index'
import { AdminCalls, Admission, documentPart, KnownTokens, TokenLookUps } from '#libs/admin/index'
import { localChannel } from '#libs/cache/index'
import { memoryLimiter } from '#libs/rates/index'
import type { HealthCheck } from '#libs/http/index'
import {
  caughtUp,
  databaseCheck,
  type Door,
  failuresOf,
  followersOperations,
  hasFollowedUntil,
  longestWait,
  serve,
} from '#libs/program/index'
import { adminParts } from './admin-parts.ts'
import { followerNamed, followersOf } from './followers.ts'
import { openStores, type StoresOptions } from './stores.ts'

export interface ServicesOptions extends Omit<StoresOptions, 'clock'> {
  readonly door: Door
  /** Of what is nobody's store. */
  readonly checks: readonly HealthCheck[]
  readonly port: number
  readonly publicUrl: string
  readonly addressKey: string
  readonly adminToken: string
  readonly wantsQuickstart: boolean
  readonly rateLimits: GatewayParts['rateLimits']
  readonly bulkBodyLimit: number
  readonly listTimeout: number
  readonly cursorTimeout: number
  readonly deletedRetention: number
  readonly captureRetention: number
  readonly dataKeyLifetime: number
  readonly thresholds: AuditParts['thresholds']
}

export interface Services {
  readonly url: string
  readonly quickstart: Quickstart | undefined
}

const operations = {
  ...keysOperations,
  ...gatewayOperations,
  ...directoryOperations,
  ...auditOperations,
  ...followersOperations,
  ...documentPart.operations,
}

/** Of signed requests, each remembered for 16 minutes at the most. Half of them are as many as one key has at the rate of 500 a second. */
const mostNonces = 1_000_000

/** All four services in one process, ended with it. Resolves when requests are answered and every follower has caught up. */
export async function startAll(options: ServicesOptions): Promise<Services> {
  const { telemetry, logger, adminToken, peppers, publicUrl, door, port } = options
  const { keyring, dataKeys } = options.sealing
  const clock = (): Date => new Date()
  const stores = await openStores({ ...options, clock })
  const { log, entities, onFailure } = stores
  const channel = localChannel(failuresOf('the channel of revocations', logger), 'one process')
  options.ending.add('the channel of revocations', 1_000, () => channel.close())
  const followers = followersOf(stores, telemetry, logger)
  const [gatewayFollower, keysFollower] = [followerNamed(followers, gatewayGroup), followerNamed(followers, keysGroup)]
  const onAdmissionFailure = failuresOf('the admission of an admin token', logger)
  // Each service goes by tokens of its own knowledge. One process is never cut off from itself.
  const lookUps = new TokenLookUps(options.rateLimits)
  const admitted = (service: 'gateway' | 'directory' | 'audit'): Admission =>
    new Admission({
      bootstrap: [adminToken],
      tokens: new KnownTokens(stores[service], service),
      lookUps,
      peppers,
      clock,
      isCurrent: () => true,
      onFailure: onAdmissionFailure,
    })
  const tokenChannel = { channel, onFailure }
  const keysParts: KeysParts = {
    database: stores.keys,
    entities,
    log,
    decisions: stores.decisions.keys,
    channel,
    reaches: () => ({ log: true, channel: true }),
    hasHeardUntil: (instant) => hasFollowedUntil(keysFollower, instant),
    longestWait,
    peppers,
    admission: keysAdmission({
      adminToken,
      database: stores.keys,
      lookUps,
      log,
      peppers,
      clock,
      onFailure: onAdmissionFailure,
    }),
    keyring,
    dataKeys,
    publicUrl,
    clock,
    telemetry,
    onFailure,
  }
  const nonces = await LeasedNonces.open({
    database: stores.gateway,
    clock,
    limit: mostNonces,
    onFailure,
    heldElsewhere(isSo) {
      if (isSo)
        logger.warn(
          'another program over this database takes signed requests: here they are answered 503 until it has ended',
        )
      else logger.info('signed requests are taken here now')
    },
  })
  options.ending.add('the nonces of signed requests', 2_000, () => nonces.close())
  // The log is a table beside the others: what was committed is in it.
  const caughtUpAt = () => gatewayFollower.follower?.caughtUpAt()
  const gatewayParts = {
    database: stores.gateway,
    log,
    decisions: stores.decisions.gateway,
    channel,
    currency: new Currency({ provenUpTo: caughtUpAt, caughtUpAt, unbrokenSince: () => undefined }, clock),
    peppers,
    nonces,
    dataKeys,
    dataKeyLifetime: options.dataKeyLifetime,
    limiter: memoryLimiter(),
    rateLimits: options.rateLimits,
    deletedRetention: options.deletedRetention,
    publicUrl,
    bodyLimits: { each: door.bodyLimit, bulk: options.bulkBodyLimit },
    requestTimeout: door.requestTimeout,
    listTimeout: options.listTimeout,
    cursorTimeout: options.cursorTimeout,
    admission: admitted('gateway'),
    captureRetention: options.captureRetention,
    onFailure,
  }
  const quickstart = options.wantsQuickstart ? await ensureQuickstart(keysParts) : undefined
  const listening = await serve({
    modules: [
      GatewayModule.with({ ...gatewayParts, clock, telemetry, logger }),
      KeysModule.with(keysParts),
      AdminCalls.with({ ...keysParts, source: 'keys', operations, unproved: options.rateLimits.unproved }),
      DirectoryModule.with({ database: stores.directory, admission: admitted('directory'), tokenChannel }),
      AuditModule.with({
        database: stores.audit,
        log,
        thresholds: options.thresholds,
        raised: observeDetections(stores.audit, telemetry, clock),
        admission: admitted('audit'),
        tokenChannel,
        retention: options.auditRetention,
        clock,
        onFailure,
      }),
    ],
    followers,
    admission: keysParts.admission,
    parts: adminParts,
    checks: [databaseCheck(stores.gateway), ...options.checks],
    door,
    port,
    addressKey: options.addressKey,
    raws: gatewayForms,
    telemetry,
    logger,
    beforeListening: async () => void (await caughtUp(followers)),
  })
  options.ending.add('the server', 15_000, () => listening.close())
  return { url: listening.url, quickstart }
}
