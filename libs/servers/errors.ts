import { systemCode } from '#libs/process/index'

export type ServerFault =
  | 'fetch-failed'
  | 'folder-in-use'
  | 'folder-unwritable'
  | 'java-missing'
  | 'java-too-old'
  | 'maven-missing'
  | 'network-missing'
  | 'platform-unknown'
  | 'port-taken'
  | 'start-failed'
  | 'stopped'

/** Why a server could not be had. The message is one line: the cause, then what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly fault: ServerFault

  constructor(fault: ServerFault, message: string, options?: ErrorOptions) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options)
    this.fault = fault
  }
}

/** What a start ends with that was told to stop. */
export function stopped(): ServerError {
  return new ServerError('stopped', 'The start was told to stop.')
}

/** The refusal for a folder or file that could not be read or written. */
export function unwritable(path: string, error: unknown): ServerError {
  return new ServerError(
    'folder-unwritable',
    `${path} cannot be written (${systemCode(error) ?? String(error)}): name a folder this user may write, or give it to this user.`,
    { cause: error },
  )
}
