import { databaseRefusal } from '#libs/telemetry/index'

/** Why an event was buried, for people and logs; of what the database refused, no values are told. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the handler threw something that is no error'
  return databaseRefusal(error) ?? `${error.name}: ${error.message}`.replaceAll('\0', '')
}
