export interface Repeating {
  /** Begins it no more, and resolves when what is under way has ended. */
  end(): Promise<void>
}

/**
 * Does the work every so many milliseconds, for the first time after as many or, where told, at once. One at a time: what lasts longer is not
 * begun again meanwhile. `failed` is told of what it throws or rejects with, and it goes on, also where `failed` throws: nobody is told of that.
 * Keeps no process from ending.
 */
export function every(
  milliseconds: number,
  work: () => unknown,
  failed: (error: unknown) => void,
  { atOnce = false }: { readonly atOnce?: boolean } = {},
): Repeating {
  let working: Promise<void> | undefined
  const turn = (): void => {
    working ??= (async () => work())()
      .then(() => undefined, failed)
      .catch(() => undefined)
      .finally(() => (working = undefined))
  }
  if (atOnce) turn()
  const timer = setInterval(turn, milliseconds).unref()
  return {
    async end() {
      clearInterval(timer)
      await working
    },
  }
}
