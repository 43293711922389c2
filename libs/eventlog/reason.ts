/**
 * Why an event was buried, for people and logs. Messages of the database may quote what an event holds, so that only
 * their code and the names of what refused it are told.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'the handler threw something that is no error'
  if (!isRefusal(error)) return `${error.name}: ${error.message}`.replaceAll('\0', '')
  const places = [error.table, error.column, error.constraint].filter((place) => place !== undefined)
  return [`the database refused it with SQLSTATE ${error.code}`, ...places].join(', ')
}

interface Refusal extends Error {
  readonly code: string
  readonly table?: string
  readonly column?: string
  readonly constraint?: string
}

function isRefusal(error: Error): error is Refusal {
  return 'severity' in error && 'code' in error && typeof error.code === 'string'
}
