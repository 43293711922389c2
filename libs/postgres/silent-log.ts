import type { ClientBase } from 'pg'

/**
 * Settings under which a server's log repeats no value that a client sent: neither messages of refused statements, which quote
 * values, nor details, statements and parameters. What was refused is told to the client, and logged there by its SQLSTATE.
 */
export const silentLog = {
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
} as const

const pairs = Object.entries(silentLog).map(([name, value]) => `['${name}', '${value}']`)

/** Most of them are a superuser's to set, or whoever was granted it. */
const silence = `
  DO $$ DECLARE setting text[]; BEGIN
    FOREACH setting SLICE 1 IN ARRAY ARRAY[${pairs.join(', ')}] LOOP
      BEGIN
        PERFORM set_config(setting[1], setting[2], false);
      EXCEPTION WHEN insufficient_privilege OR undefined_object THEN NULL;
      END;
    END LOOP;
  END $$`

/** For a pool's `onConnect`: as much of `silentLog` as this role may set for its session. The server may be someone else's. */
export function silenceLog(client: ClientBase): void {
  client.query(silence).catch(() => undefined)
}
