import { setting } from '#libs/configuration/index'
import { parsePeppers, type Peppers, UnreadablePeppers } from '#libs/credentials/index'

/** Everything that can be set, with its default. `.env.example` says the same, and a test holds the two together. */
export const settings = {
  LATCHKEY_PORT: setting.port({ default: 8080, about: 'Port of the HTTP server; 0 takes a free one.' }),
  LATCHKEY_HOST: setting.text({ default: '127.0.0.1', about: 'Address that the HTTP server listens on.' }),
  LATCHKEY_PUBLIC_URL: setting.url({
    optional: true,
    schemes: ['http', 'https'],
    about: 'Where identity providers reach this server; the address it listens on unless set.',
  }),
  LATCHKEY_DATA: setting.folder({
    default: './data',
    about: 'Folder of the database, the admin token, the peppers and the logs of Postgres.',
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
  LATCHKEY_BODY_LIMIT: setting.integer({
    default: 1_048_576,
    min: 1_024,
    max: 67_108_864,
    about: 'Largest body of a request in bytes.',
  }),
  LATCHKEY_REQUEST_TIMEOUT: setting.duration({
    default: '30s',
    min: '1s',
    max: '10m',
    about: 'How long a request may take to arrive whole.',
  }),
  LATCHKEY_DECISION_QUEUE: setting.integer({
    default: 10_000,
    min: 1,
    max: 1_000_000,
    about:
      'Records of reads and refusals held in memory while the database is slow; when full, requests are answered 503.',
  }),
  LATCHKEY_EVENT_RETENTION: setting.duration({
    default: '30d',
    min: '1d',
    about: 'How long events stay in the event log.',
  }),
  LATCHKEY_AUDIT_RETENTION: setting.duration({
    default: '400d',
    min: '31d',
    about: 'How long audit records are kept.',
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
export const alsoKnown = ['LATCHKEY_URL']

function readPeppers(text: string): Peppers | undefined {
  try {
    return parsePeppers(text)
  } catch (error) {
    if (error instanceof UnreadablePeppers) return undefined
    throw error
  }
}
