import { databaseRefusal } from './refusal.ts'

/**
 * What is logged of an error: never its other properties, since drivers hang connections, statements and their values on them;
 * and of a database's refusal not its message, which may quote a value.
 */
export function loggedFailure(error: unknown): unknown {
  if (!isErrorLike(error)) return { message: String(error) }
  const { name, code, cause } = error
  const refusal = databaseRefusal(error)
  const message = refusal ?? error.message
  const stack = refusal === undefined ? error.stack : framesOf(error)
  return {
    type: name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: loggedFailure(cause) }),
  }
}

/** The stack without the message before it, however many lines that has. */
function framesOf({ message, stack = '' }: Error): string {
  const afterMessage = stack.slice(Math.max(0, stack.indexOf(message)) + message.length)
  return afterMessage
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .join('\n')
}

function isErrorLike(error: unknown): error is Error & { code?: unknown } {
  return typeof error === 'object' && error !== null && 'message' in error && 'stack' in error
}
