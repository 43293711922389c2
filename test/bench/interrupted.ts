/** Rejects when this process is told to end, so that what it started ends before it. What is under way then fails, heard by nobody. */
const interrupted = new Promise<never>((_, reject) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      process.on('unhandledRejection', () => undefined)
      reject(new Error(`ended by ${signal}`))
    })
  }
})
interrupted.catch(() => undefined)

/** What `work` resolves to; rejects sooner when this process is told to end. */
export function unlessInterrupted<T>(work: Promise<T>): Promise<T> {
  return Promise.race([work, interrupted])
}
