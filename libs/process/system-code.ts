/** The code of a failed system call ("EACCES"), or undefined. By shape: an error may come from another realm. */
export function systemCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined
}
