/**
 * What a database refused, in words that quote no value: its own messages may hold what a client sent. Undefined when the
 * error is no database's.
 */
export function databaseRefusal(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('severity' in error)) return undefined
  const code = textOf(error, 'code')
  if (code === undefined) return undefined
  const places = ['table', 'column', 'constraint'].flatMap((name) => textOf(error, name) ?? [])
  return [`the database refused it with SQLSTATE ${code}`, ...places].join(', ')
}

function textOf(error: object, name: string): string | undefined {
  const value: unknown = Reflect.get(error, name)
  return typeof value === 'string' ? value : undefined
}
