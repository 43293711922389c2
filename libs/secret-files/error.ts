import { systemCode } from '#libs/process/index'

export type SecretFileFault = 'readable-by-others' | 'not-a-file' | 'unreadable' | 'unmakeable' | 'not-durable'

/** A file with a secret that cannot be used. The message tells cause and fix, and nothing of what the file holds. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError'
  readonly fault: SecretFileFault
  /** Of the call to the system that failed, such as EACCES. */
  readonly code: string

  constructor(fault: SecretFileFault, message: string, cause?: unknown) {
    super(message, { cause })
    this.fault = fault
    this.code = codeOf(cause)
  }
}

const codeOf = (cause: unknown): string => systemCode(cause) ?? 'unknown reason'

export function readableByOthers(path: string, mode: string): SecretFileError {
  const fix = `Find out who did, then allow it to nobody else: where it is mounted by its mount (docs/secrets.md), otherwise chmod ${mode} ${path}`
  return new SecretFileError('readable-by-others', `The file ${path} can be read by others. ${fix}`)
}

export function notAFile(path: string): SecretFileError {
  const message = `Something that is not a file is at ${path}, such as a folder or a pipe. Move it away, and put the file back.`
  return new SecretFileError('not-a-file', message)
}

export function unreadable(path: string, cause: unknown): SecretFileError {
  const message = `The file ${path} cannot be read (${codeOf(cause)}). Make it readable for this user alone.`
  return new SecretFileError('unreadable', message, cause)
}

export function unmakeable(path: string, cause: unknown): SecretFileError {
  const fix = 'Make its folder writable for this user, and see that the disk has room.'
  return new SecretFileError('unmakeable', `The file ${path} cannot be made (${codeOf(cause)}). ${fix}`, cause)
}

export function notDurable(path: string, cause: unknown): SecretFileError {
  const fix = 'See that the disk is sound and has room.'
  const message = `The file ${path} may be gone when the machine stops: its folder cannot be synced (${codeOf(cause)}). ${fix}`
  return new SecretFileError('not-durable', message, cause)
}
