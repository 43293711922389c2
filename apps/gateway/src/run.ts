import { AdminCalls, Admission, documentPart, KnownTokens, TokenLookUps } from '#libs/admin/index'
import {
  followersOperations,
  only,
  publicAddress,
  rateLimitsOf,
  readSettings,
  sealingOf,
  sealingSettings,
} from '#libs/program/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import {
  Currency,
  currencyCheck,
  GATEWAY,
  gatewayGroup,
  GatewayModule,
  gatewayOperations,
  gatewayPart,
  gatewaySchema,
  migrateGateway,
  gatewayForms,
  openSignedAhead,
} from './index.ts'

const settings = {
  ...serviceSettings,
  ...sealingSettings,
  ...only(
    'LATCHKEY_GATEWAY_PORT',
    'LATCHKEY_PUBLIC_URL',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_PEPPERS',
    'LATCHKEY_CAPTURE_RETENTION',
    'LATCHKEY_RATE_PER_KEY',
    'LATCHKEY_RATE_PER_CONNECTION',
    'LATCHKEY_RATE_REFUSALS',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_BULK_BODY_LIMIT',
    'LATCHKEY_LIST_TIMEOUT',
    'LATCHKEY_CURSOR_TIMEOUT',
    'LATCHKEY_DELETED_RETENTION',
    'REDIS_URL',
    'REDIS_PREFIX',
  ),
}

const operations = { ...gatewayOperations, ...followersOperations, ...documentPart.operations }

/** So long Kafka is waited for at a start, in milliseconds, before requests are taken all the same, to be told that they come too early. */
const kafkaPatience = 3_000

/** So long Redis is waited for at a start, in milliseconds: with it Kafka may go away at once. */
const redisPatience = 1_000

/** The gateway as a program of its own. It listens as soon as Postgres answers, and accepts keys once it has heard of all of them. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'gateway',
    read: (variables) => readSettings(variables, settings),
    port: ({ LATCHKEY_GATEWAY_PORT }) => LATCHKEY_GATEWAY_PORT,
    async build(starting, { door, port }) {
      const { configuration, clock, telemetry, logger } = starting
      const database = starting.openDatabase(16)
      await starting.withPostgres(() => migrateGateway(database))
      const peppers = await starting.peppers(configuration.LATCHKEY_PEPPERS)
      const adminToken = starting.knownAdminToken(configuration.LATCHKEY_ADMIN_TOKEN)
      const log = starting.openLog({ database, source: 'gateway' })
      const decisions = starting.openDecisions(log, database, configuration.LATCHKEY_DECISION_QUEUE)
      const opened = performance.now()
      const follower = starting.follower({
        log,
        group: gatewayGroup,
        transportId: GATEWAY,
        database,
        schema: gatewaySchema,
        watched: true,
      })
      const channel = starting.openChannel(configuration)
      const sealing = sealingOf(configuration)
      starting.watchKek(sealing)
      const started = Date.now()
      const currency = new Currency(
        {
          provenUpTo: () => follower.follower?.followedUpTo(),
          caughtUpAt: () => follower.follower?.caughtUpAt(),
          unbrokenSince: () => follower.follower?.unbrokenSince(),
        },
        clock,
      )
      const admission = new Admission({
        bootstrap: adminToken === undefined ? [] : [adminToken],
        tokens: new KnownTokens(database, gatewaySchema),
        lookUps: new TokenLookUps(rateLimitsOf(configuration)),
        peppers,
        clock,
        isCurrent: () => currency.look(),
        onFailure: starting.onAdmissionFailure,
      })
      return {
        modules: [
          GatewayModule.with({
            database,
            log,
            decisions,
            channel,
            currency,
            peppers,
            nonces: starting.openNonces(configuration, (since) =>
              openSignedAhead(database, { since, onFailure: starting.onFailure }),
            ),
            dataKeys: sealing.dataKeys,
            dataKeyLifetime: configuration.LATCHKEY_DATA_KEY_LIFETIME,
            limiter: starting.openLimiter(configuration),
            rateLimits: rateLimitsOf(configuration),
            deletedRetention: configuration.LATCHKEY_DELETED_RETENTION,
            publicUrl: configuration.LATCHKEY_PUBLIC_URL ?? publicAddress(door, port),
            bodyLimits: { each: door.bodyLimit, bulk: configuration.LATCHKEY_BULK_BODY_LIMIT },
            requestTimeout: door.requestTimeout,
            listTimeout: configuration.LATCHKEY_LIST_TIMEOUT,
            cursorTimeout: configuration.LATCHKEY_CURSOR_TIMEOUT,
            admission,
            captureRetention: configuration.LATCHKEY_CAPTURE_RETENTION,
            clock,
            telemetry,
            logger,
            onFailure: starting.onFailure,
          }),
          AdminCalls.with({
            source: 'gateway',
            operations,
            decisions,
            clock,
            telemetry,
            unproved: configuration.LATCHKEY_RATE_UNPROVED,
          }),
        ],
        database,
        admission,
        parts: [gatewayPart],
        follower,
        raws: gatewayForms,
        readiness: {
          waitsFor:
            'the keys that are in Kafka, and the keys service to say that these are all; until then requests are answered 503',
          isReady: () =>
            currency.isSettled &&
            (follower.follower?.caughtUpAt()?.getTime() ?? 0) >= started &&
            (channel.state === 'connected' || performance.now() - opened > redisPatience),
          listensMeanwhile: () => log.broker === 'away' && performance.now() - opened > kafkaPatience,
        },
        checks: [currencyCheck(currency)],
      }
    },
  })
}
