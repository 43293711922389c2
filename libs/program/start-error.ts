/** A program cannot start. The message is one line: the cause and what to do. */
export class StartError extends Error {
  override readonly name: string = 'StartError'
}
