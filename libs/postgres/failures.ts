/** What a Postgres failure means to a caller: try again, wait for the server, or answer a conflict. */

/** By shape and not by class: an error may come from another realm. */
function textOf(error: unknown, property: 'code' | 'message' | 'constraint' | 'severity'): string {
  if (typeof error !== 'object' || error === null) return ''
  const value: unknown = Reflect.get(error, property)
  return typeof value === 'string' ? value : ''
}

function codeOf(error: unknown): string {
  return textOf(error, 'code')
}

/** The server itself refused the statement, by a code of five characters: nothing of its transaction is stored. */
export function isAnswer(error: unknown): boolean {
  return /^[0-9A-Z]{5}$/.test(codeOf(error)) && textOf(error, 'severity') === 'ERROR'
}

/** Something failed before it in the same transaction, and that is why. */
export function isRefusedForAnother(error: unknown): boolean {
  return codeOf(error) === '25P02'
}

/** A deadlock or serialization failure: the same transaction may succeed at once. */
export function isTransient(error: unknown): boolean {
  return ['40001', '40P01', '55P03'].includes(codeOf(error))
}

/**
 * The server is away, starting, stopping, did not answer in time (57014 at its own clock, else at ours), or the connection
 * broke: nothing is known to be wrong with the request.
 */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code.startsWith('08') ||
    code.startsWith('57P') ||
    code === '57014' ||
    code === '53300' ||
    [
      'ECONNREFUSED',
      'ECONNRESET',
      'EPIPE',
      'ETIMEDOUT',
      'ENOENT',
      'ENOTFOUND',
      'EAI_AGAIN',
      'EHOSTUNREACH',
      'ENETUNREACH',
      'ENETDOWN',
      'ECONNABORTED',
    ].includes(code) ||
    fellSilent(error) ||
    /Connection terminated|not queryable/i.test(textOf(error, 'message'))
  )
}

/** The server ended a statement that took longer than it may: a connection loss too, unless the statement is known to ask for much. */
export function tookTooLong(error: unknown): boolean {
  return codeOf(error) === '57014'
}

const silence = /timeout exceeded when trying to connect|^timeout expired$|Query read timeout/i

/** A connection loss of the slow kind: the server took no connection, or nothing came back, for as long as was waited. */
export function fellSilent(error: unknown): boolean {
  return silence.test(textOf(error, 'message'))
}

/**
 * Nothing is wrong with what was sent, but the server cannot work now: disk or memory full, shutting down, read-only, an
 * I/O error; or it is not set up as the program expects: a schema, table, column or right is missing.
 */
export function isServerTrouble(error: unknown): boolean {
  const code = codeOf(error)
  return (
    ['25006', '3F000', '42P01', '42703', '42501'].includes(code) || ['53', '57', '58', 'XX'].includes(code.slice(0, 2))
  )
}

/** A unique index refused the row; with a name, only that index counts. */
export function isUniqueViolation(error: unknown, index?: string): boolean {
  if (codeOf(error) !== '23505') return false
  return index === undefined || textOf(error, 'constraint') === index
}
