import { systemCode } from '#libs/process/index'

export type EmbeddedPostgresFault =
  | 'account-barred'
  | 'account-missing'
  | 'binaries-missing'
  | 'folder-foreign'
  | 'folder-in-use'
  | 'folder-unwritable'
  | 'initdb-failed'
  | 'port-taken'
  | 'start-failed'
  | 'version-mismatch'

/** Why no Postgres could be had. The message is one line: the cause, then what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError'
  readonly fault: EmbeddedPostgresFault

  constructor(fault: EmbeddedPostgresFault, message: string, options?: ErrorOptions) {
    super(message.replaceAll(/\s*\n\s*/g, ' '), options)
    this.fault = fault
  }
}

/** The refusal for a folder that could not be read or written. */
export function unwritable(folder: string, error: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'folder-unwritable',
    `Postgres cannot keep its data in ${folder} (${systemCode(error) ?? String(error)}): name a folder this user may write, or give it to this user.`,
    { cause: error },
  )
}
