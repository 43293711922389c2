import { adminServices, type ServiceAddresses } from '#libs/admin/index'
import { type Configuration, readEnvironment, setting, type Settings } from '#libs/configuration/index'
import { parsePeppers, type Peppers, UnreadablePeppers } from '#libs/credentials/index'
import { type KekAddress, kekForm, parseKek } from '#libs/sealing/index'
import { httpSettings } from './http-settings.ts'
import { kafkaSettings } from './kafka-settings.ts'

/** Everything that can be set, with its default. `.env.example` says the same, and a test holds the two together. */
export const settings = {
  LATCHKEY_PORT: setting.port({
    default: 8080,
    about: 'Port of the HTTP server where all services are one process; 0 takes a free one.',
  }),
  LATCHKEY_GATEWAY_PORT: setting.port({
    default: 8080,
    about: 'Port of the gateway where each service is a process of its own; 0 takes a free one.',
  }),
  LATCHKEY_KEYS_PORT: setting.port({ default: 8081, about: 'Port of the keys service, likewise.' }),
  LATCHKEY_DIRECTORY_PORT: setting.port({ default: 8082, about: 'Port of the directory, likewise.' }),
  LATCHKEY_AUDIT_PORT: setting.port({ default: 8083, about: 'Port of the audit service, likewise.' }),
  ...httpSettings,
  LATCHKEY_PUBLIC_URL: setting.baseUrl({
    optional: true,
    about: 'Where identity providers reach the gateway; the address it listens on unless set.',
  }),
  LATCHKEY_SERVICES: setting.parsed({
    optional: true,
    about:
      'Where administrators reach the services that are processes of their own; told in the OpenAPI document that each of them serves.',
    expected: `NAME=URL, or several separated by commas; a URL is one without user name, query and fragment, a name one of ${adminServices.join(', ')}`,
    read: readServices,
  }),
  LATCHKEY_DATA: setting.folder({
    default: './data',
    about: 'Folder of the admin token, the peppers, and the data and logs of the servers that come along.',
  }),
  LATCHKEY_QUICKSTART: setting.flag({
    optional: true,
    about:
      'Whether tenant acme with a sandbox connection and a key is made at the first start; unless set, npm start and npm run start:distributed make it, and a keys service that is started by itself does not.',
  }),
  DATABASE_URL: setting.url({
    optional: true,
    secret: true,
    schemes: ['postgres', 'postgresql'],
    about: 'An existing Postgres to use instead of the one that comes along.',
  }),
  LATCHKEY_ADMIN_TOKEN: setting.secret({
    optional: true,
    about:
      'Bearer token of the admin, directory and audit APIs; unless set, the one in the file admin-token of the data folder.',
  }),
  LATCHKEY_PEPPERS: setting.parsed({
    optional: true,
    secret: true,
    about:
      'Peppers of the key digests, the current one last; unless set, those in the file peppers of the data folder.',
    expected: 'VERSION:BASE64, or several separated by commas, each version once and with at least 32 bytes',
    read: readPeppers,
  }),
  LATCHKEY_KEK: setting.parsed({
    optional: true,
    about:
      'Key encryption key (KEK): where the key is that wraps the data keys, under which recoverable secrets are sealed; unless set, the file kek of the data folder.',
    expected: kekForm,
    read: parseKek,
  }),
  LATCHKEY_FORMER_KEKS: setting.parsed({
    default: 'none',
    about: 'Earlier KEKs, until "latchkey keys rewrap" has moved everything to the present one.',
    expected: `none, or ${kekForm}, or several separated by commas`,
    read: readFormerKeks,
  }),
  LATCHKEY_VAULT_TOKEN: setting.secret({
    optional: true,
    about: 'Token for a KEK in Vault or OpenBao.',
  }),
  LATCHKEY_VAULT_TOKEN_FILE: setting.text({
    optional: true,
    about: 'File that somebody keeps a good token for Vault in; it comes before LATCHKEY_VAULT_TOKEN.',
  }),
  LATCHKEY_DATA_KEY_LIFETIME: setting.duration({
    default: '1h',
    min: '1s',
    max: '7d',
    about:
      'How long an unwrapped data key is held in memory; so long signed requests are accepted while whoever holds the KEK is away.',
  }),
  ...kafkaSettings,
  REDIS_URL: setting.url({
    optional: true,
    secret: true,
    schemes: ['redis', 'rediss'],
    about:
      'Redis, which carries revocations to all gateways at once; unless set, a gateway hears of them by Kafka alone.',
  }),
  REDIS_PREFIX: setting.text({ default: 'latchkey', about: 'What the names in Redis begin with.' }),
  LATCHKEY_RATE_PER_KEY: setting.integer({
    default: 500,
    min: 25,
    max: 1_000_000,
    about: 'SCIM requests a second of one key, unless its policy says otherwise; more are answered 429.',
  }),
  LATCHKEY_RATE_PER_CONNECTION: setting.integer({
    default: 1_000,
    min: 25,
    max: 1_000_000,
    about: 'SCIM requests a second of all keys of one connection, likewise.',
  }),
  LATCHKEY_RATE_UNPROVED: setting.integer({
    default: 100,
    min: 1,
    max: 1_000_000,
    about:
      'SCIM requests within 10 seconds from one network (an IPv4 address, or 64 bits of an IPv6 one) whose key is missing, wrong or not known to the gateway yet; and likewise calls of the admin APIs without an accepted admin token that change nothing.',
  }),
  LATCHKEY_RATE_LOOKUPS: setting.integer({
    default: 100,
    min: 2,
    max: 1_000_000,
    about:
      'How many of those a gateway looks up in its database within a second and finds not to be good, from all networks together, and how many admin tokens each service; half as many wrong secrets of keys that are in use are answered as such.',
  }),
  LATCHKEY_RATE_REFUSALS: setting.integer({
    default: 300,
    min: 1,
    max: 1_000_000,
    about:
      'Requests refused as too many that a gateway answers within a second; others wait for their turn, so that who floods it is slowed down and nobody else is.',
  }),
  LATCHKEY_DECISION_QUEUE: setting.integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
    about:
      'Records of reads and refusals held in memory while the database is slow; when full, requests are answered 503.',
  }),
  LATCHKEY_BULK_BODY_LIMIT: setting.integer({
    default: 4_194_304,
    min: 1_024,
    max: 67_108_864,
    about:
      'Largest body of a SCIM bulk request in bytes; each of its operations may be as large as the body of a request.',
  }),
  LATCHKEY_LIST_TIMEOUT: setting.duration({
    default: '2s',
    min: '100ms',
    max: '20s',
    about:
      'How long the gateway searches the database for a list that no index answers at once; then it refuses it as tooMany.',
  }),
  LATCHKEY_CURSOR_TIMEOUT: setting.duration({
    default: '1h',
    min: '1m',
    max: '30d',
    about: 'How long a cursor of a list is good: who pages asks for the next page within this time.',
  }),
  LATCHKEY_DELETED_RETENTION: setting.duration({
    default: '30d',
    min: '0s',
    about:
      'How long a deleted user or group can be restored by an administrator, before it is removed for good; so long those of a deleted connection are kept, too.',
  }),
  LATCHKEY_EVENT_RETENTION: setting.duration({
    default: '30d',
    min: '1d',
    about: 'How long events stay in the event log.',
  }),
  LATCHKEY_CAPTURE_RETENTION: setting.duration({
    default: '7d',
    min: '1m',
    about: 'How long requests of sandboxes can be sent again.',
  }),
  LATCHKEY_AUDIT_RETENTION: setting.duration({
    default: '400d',
    min: '31d',
    about: 'How long audit records are kept.',
  }),
  LATCHKEY_DETECTIONS: setting.text({
    default: '{}',
    about:
      'Which rules of detections are off or have other thresholds, as JSON such as {"wrong-secret":{"count":3,"window":"1h"},"silence":{"off":true}}; docs/detections.md lists them.',
  }),
  LATCHKEY_LOG_LEVEL: setting.oneOf(['debug', 'info', 'warn', 'error', 'silent'], {
    default: 'info',
    about: 'Least severe lines that are logged.',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: setting.url({
    optional: true,
    schemes: ['http', 'https'],
    about: 'Base address of an OpenTelemetry collector (OTLP over HTTP); unless set, no traces are exported.',
  }),
}

/** Variables of the command line, which may stand in the same environment. */
const ofTheCommandLine = ['LATCHKEY_URL']

type Name = keyof typeof settings

/** Some of the settings, for a program that reads no more. */
export function only<const Names extends Name>(...names: Names[]): Pick<typeof settings, Names> {
  return Object.fromEntries(names.map((name) => [name, settings[name]])) as Pick<typeof settings, Names>
}

/**
 * Reads what a program needs. Variables of the other programs may stand in the same environment; one that no program reads
 * is a fault.
 * @throws ConfigurationError with all faults
 */
export function readSettings<const S extends Settings>(env: NodeJS.ProcessEnv, own: S): Configuration<S> {
  return readEnvironment(env, own, { alsoKnown: [...Object.keys(settings), ...ofTheCommandLine] })
}

function readServices(text: string): ServiceAddresses | undefined {
  const read = text.split(',').map((part) => /^\s*([a-z]+)=(https?:\/\/[^\s@?#\\]+?)\/*\s*$/.exec(part))
  const named = read.flatMap((match) => {
    const [, name, url = ''] = match ?? []
    const service = adminServices.find((one) => one === name)
    return service === undefined || !URL.canParse(url) ? [] : [[service, url] as const]
  })
  const addresses = Object.fromEntries(named)
  return Object.keys(addresses).length === read.length ? Object.freeze(addresses) : undefined
}

function readFormerKeks(text: string): readonly KekAddress[] | undefined {
  if (text === 'none') return []
  const read = text.split(',').map((part) => parseKek(part.trim()))
  const known = read.filter((address) => address !== undefined)
  return known.length === read.length ? known : undefined
}

type RateName = Extract<Name, `LATCHKEY_RATE_${string}`>

/** As the gateway takes them. */
export function rateLimitsOf(configuration: Readonly<Record<RateName, number>>) {
  return {
    perKey: configuration.LATCHKEY_RATE_PER_KEY,
    perConnection: configuration.LATCHKEY_RATE_PER_CONNECTION,
    ...lookUpLimitsOf(configuration),
    refusals: configuration.LATCHKEY_RATE_REFUSALS,
  }
}

/** What every service takes, of admin tokens. */
export function lookUpLimitsOf(
  configuration: Readonly<Record<'LATCHKEY_RATE_UNPROVED' | 'LATCHKEY_RATE_LOOKUPS', number>>,
) {
  return { unproved: configuration.LATCHKEY_RATE_UNPROVED, lookUps: configuration.LATCHKEY_RATE_LOOKUPS }
}

function readPeppers(text: string): Peppers | undefined {
  try {
    return parsePeppers(text)
  } catch (error) {
    if (error instanceof UnreadablePeppers) return undefined
    throw error
  }
}
