/** What a Postgres failure means to a caller: try again, wait for the server, or answer a conflict. */

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}

/** A deadlock or serialization failure: the same transaction may succeed at once. */
export function isTransient(error: unknown): boolean {
  return ['40001', '40P01', '55P03'].includes(codeOf(error))
}

/** The server is away, starting, stopping, or the connection broke: nothing is known to be wrong with the request. */
export function isConnectionLoss(error: unknown): boolean {
  const code = codeOf(error)
  return (
    code.startsWith('08') ||
    code.startsWith('57P') ||
    code === '53300' ||
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN'].includes(code) ||
    (error instanceof Error &&
      /Connection terminated|timeout exceeded when trying to connect|not queryable/i.test(error.message))
  )
}

/** The server cannot work now for reasons of its own: disk or memory full, shutting down, read-only, an I/O error. */
export function isServerTrouble(error: unknown): boolean {
  const code = codeOf(error)
  return code === '25006' || ['53', '57', '58', 'XX'].includes(code.slice(0, 2))
}

/** A unique index refused the row; with a name, only that index counts. */
export function isUniqueViolation(error: unknown, index?: string): boolean {
  if (codeOf(error) !== '23505') return false
  return index === undefined || (error instanceof Error && 'constraint' in error && error.constraint === index)
}
