import { AdminCalls, documentPart, TokenLookUps } from '#libs/admin/index'
import { announceWaiting } from './announce.ts'
import {
  banner,
  followersOperations,
  hasFollowedUntil,
  longestWait,
  lookUpLimitsOf,
  only,
  publicAddress,
  readSettings,
  sealingOf,
  sealingSettings,
  statementTimeout,
} from '#libs/program/index'
import { SealingError } from '#libs/sealing/index'
import { runService, serviceSettings } from '#libs/program/service/index'
import {
  checkKeks,
  checkPeppers,
  ensureQuickstart,
  KekDoesNotFit,
  KEYS,
  keysAdmission,
  keysGroup,
  KeysModule,
  keysOperations,
  keysPart,
  type KeysParts,
  keysSchema,
  migrateKeys,
  openKeysEntities,
  PeppersDoNotFit,
  refuseNewPeppers,
} from './index.ts'

const settings = {
  ...serviceSettings,
  ...sealingSettings,
  ...only(
    'LATCHKEY_KEYS_PORT',
    'LATCHKEY_GATEWAY_PORT',
    'LATCHKEY_PUBLIC_URL',
    'LATCHKEY_ADMIN_TOKEN',
    'LATCHKEY_PEPPERS',
    'LATCHKEY_DECISION_QUEUE',
    'LATCHKEY_QUICKSTART',
    'REDIS_URL',
    'REDIS_PREFIX',
  ),
}

const operations = { ...keysOperations, ...followersOperations, ...documentPart.operations }

/** The keys service as a program of its own. It makes the admin token and the peppers where there are none. */
export function run(env: NodeJS.ProcessEnv): Promise<void> {
  return runService(env, {
    name: 'keys',
    read: (variables) => readSettings(variables, settings),
    expected: [PeppersDoNotFit, KekDoesNotFit, SealingError],
    port: ({ LATCHKEY_KEYS_PORT }) => LATCHKEY_KEYS_PORT,
    async build(starting, { door, port }) {
      const { configuration, clock, telemetry, onFailure } = starting
      const secrets = await starting.makeSecrets(configuration, publicAddress(door, port))
      const sealing = sealingOf(configuration)
      const { present, keyring, dataKeys } = sealing
      starting.watchKek(sealing)
      const { LATCHKEY_KEK, LATCHKEY_ADMIN_TOKEN, LATCHKEY_PEPPERS } = configuration
      const usesFolder = LATCHKEY_ADMIN_TOKEN === undefined || LATCHKEY_PEPPERS === undefined
      // Where nothing else is kept in the data folder, there need not be one.
      const tellUnlessNeeded = (error: unknown): void => {
        if (LATCHKEY_KEK !== undefined || usesFolder || !(error instanceof SealingError)) throw error
        starting.logger.warn(`Keys that sign by a shared secret cannot be minted: ${error.message}`)
      }
      const database = starting.openDatabase(8)
      const { peppers, entities } = await starting.withPostgres(async () => {
        await migrateKeys(database)
        const kept = await secrets.peppers((file) => refuseNewPeppers(database, file))
        await checkPeppers(database, kept)
        await checkKeks(database, keyring, present).catch(tellUnlessNeeded)
        return { peppers: kept, entities: await openKeysEntities(database.url, statementTimeout, onFailure) }
      })
      starting.endWith('the connections of the admin API', () => entities.close())
      const log = starting.openLog({ database, source: 'keys' })
      const channel = starting.openChannel(configuration)
      const announcing = announceWaiting(channel, (names) => log.waiting(names), starting.onFailure)
      starting.endWith('the announcing of what waits', async () => announcing.end())
      const follower = starting.follower({
        log,
        database,
        group: keysGroup,
        transportId: KEYS,
        schema: keysSchema,
        relaxed: true,
      })
      const parts: KeysParts = {
        database,
        entities,
        log,
        decisions: starting.openDecisions(log, database, configuration.LATCHKEY_DECISION_QUEUE),
        channel,
        reaches: () => ({ log: log.broker === 'connected', channel: channel.state === 'connected' }),
        hasHeardUntil: (instant) => hasFollowedUntil(follower, instant),
        longestWait,
        peppers,
        admission: keysAdmission({
          adminToken: secrets.adminToken,
          database,
          lookUps: new TokenLookUps(lookUpLimitsOf(configuration)),
          log,
          peppers,
          clock,
          onFailure: starting.onAdmissionFailure,
        }),
        keyring,
        dataKeys,
        publicUrl: configuration.LATCHKEY_PUBLIC_URL ?? publicAddress(door, configuration.LATCHKEY_GATEWAY_PORT),
        clock,
        telemetry,
        onFailure,
      }
      const quickstart =
        (configuration.LATCHKEY_QUICKSTART ?? false)
          ? await starting.withPostgres(() => ensureQuickstart(parts))
          : undefined
      return {
        modules: [
          KeysModule.with(parts),
          AdminCalls.with({ ...parts, source: 'keys', operations, unproved: configuration.LATCHKEY_RATE_UNPROVED }),
        ],
        database,
        admission: parts.admission,
        parts: [keysPart],
        follower,
        ...(quickstart === undefined
          ? {}
          : {
              banner: banner(quickstart, clock()),
              readiness: {
                waitsFor: 'the first key to be published in Kafka',
                listensMeanwhile: () => true,
                isReady: async () => (await log.backlog().catch(() => undefined))?.events === 0,
              },
            }),
      }
    },
  })
}
