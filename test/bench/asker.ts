import { Connection } from './connection.ts'

export interface Answered {
  /** Milliseconds of this process's clock. */
  readonly sent: number
  readonly status: number
}

/** Asks one address with one key, again and again over a connection that is kept alive, and keeps what it was answered. */
export class Asker {
  readonly answers: Answered[] = []
  /** Milliseconds from an answer to the next request. */
  pause: number
  #ended = false
  #failure: unknown
  readonly #asking: Promise<void>

  constructor(url: URL, key: string, pause: number) {
    this.pause = pause
    this.#asking = this.#ask(url, `authorization: Bearer ${key}\r\n`).catch((error: unknown) => {
      this.#failure = error
    })
  }

  /** The request that was refused first, if any was. */
  get refused(): Answered | undefined {
    return this.answers.find(({ status }) => status !== 200)
  }

  /** Rejects when an answer did not come. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#asking
    if (this.#failure !== undefined) throw this.#failure
  }

  async #ask(url: URL, headers: string): Promise<void> {
    const connection = await Connection.open(url)
    try {
      while (!this.#ended) {
        const sent = performance.now()
        const { status } = await connection.request('GET', url.pathname, headers)
        this.answers.push({ sent, status })
        await new Promise((resolve) => setTimeout(resolve, this.pause))
      }
    } finally {
      connection.close()
    }
  }
}
