/** The code of a failed system call ("EACCES"), for a message. By shape: an error may come from another realm. */
export function systemCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown reason'
}
