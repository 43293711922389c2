/** Reads that are under way, each shared by all who ask meanwhile. */
export class Reads<T> {
  readonly #underWay = new Map<string, Promise<T | undefined>>()

  /** What is read for it, or was asked for before and is not there yet; remembered unless something was forgotten meanwhile. */
  of(
    id: string,
    {
      read,
      remember,
    }: { readonly read: () => Promise<T | undefined>; readonly remember: (found: T | undefined) => void },
  ): Promise<T | undefined> {
    const underWay = this.#underWay.get(id)
    if (underWay !== undefined) return underWay
    const reading = read()
      .then((found) => {
        if (this.#underWay.get(id) === reading) remember(found)
        return found
      })
      .finally(() => {
        if (this.#underWay.get(id) === reading) this.#underWay.delete(id)
      })
    this.#underWay.set(id, reading)
    return reading
  }

  /** Something was forgotten: what was read before that is neither remembered nor shared after it. */
  forget(): void {
    this.#underWay.clear()
  }
}
