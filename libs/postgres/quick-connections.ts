import pg from 'pg'
import { silenceLog } from './silent-log.ts'

const howMany = 4

/**
 * A few pipelined connections shared by everyone, used in turn: all statements of one turn of the event loop go to one of
 * them. A connection that broke fails what was under way on it, and is replaced when it is next needed.
 */
export class QuickConnections {
  readonly #config: pg.ClientConfig
  readonly #connections: (Promise<pg.Client> | undefined)[] = Array.from({ length: howMany }, () => undefined)
  #turn = 0
  #turnOver = false

  constructor(config: pg.ClientConfig) {
    this.#config = config
  }

  async query<Row extends object>(config: pg.QueryConfig): Promise<pg.QueryResult<Row>> {
    if (!this.#turnOver) {
      this.#turnOver = true
      setImmediate(() => {
        this.#turnOver = false
        this.#turn = (this.#turn + 1) % howMany
      })
    }
    const client = await (this.#connections[this.#turn] ?? this.#open(this.#turn))
    return client.query<Row>(config)
  }

  async end(): Promise<void> {
    await Promise.allSettled(this.#connections.map(async (connection) => (await connection)?.end()))
  }

  #open(place: number): Promise<pg.Client> {
    const client = new pg.Client(this.#config)
    const connection = client.connect().then(() => {
      silenceLog(client)
      return client
    })
    this.#connections[place] = connection
    // A broken connection tells of it more than once, also when another has taken its place.
    const forget = (): void => {
      if (this.#connections[place] === connection) this.#connections[place] = undefined
    }
    client.on('error', forget)
    client.on('end', forget)
    connection.catch(forget)
    return connection
  }
}
