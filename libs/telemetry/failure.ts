/**
 * What is logged of an error: never its other properties, since drivers hang connections, statements and their values on them.
 */
export function loggedFailure(error: unknown): unknown {
  if (!isErrorLike(error)) return { message: String(error) }
  const { name, message, stack, code, cause } = error
  return {
    type: name,
    message,
    ...(typeof code === 'string' ? { code } : {}),
    stack,
    ...(cause === undefined ? {} : { cause: loggedFailure(cause) }),
  }
}

function isErrorLike(error: unknown): error is Error & { code?: unknown } {
  return typeof error === 'object' && error !== null && 'message' in error && 'stack' in error
}
