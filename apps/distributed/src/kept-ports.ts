import { readFileSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { holdPort } from '#libs/process/index'

const ports = z.partialRecord(z.enum(['postgres', 'kafka', 'redis']), z.int().min(1).max(65_535))
type Server = keyof z.infer<typeof ports>

/** The ports of the last start, so that whoever was told an address finds the server there after the next one too. */
export class KeptPorts {
  readonly #file: string
  #known: z.infer<typeof ports>

  constructor(file: string) {
    this.#file = file
    this.#known = read(file)
  }

  /** Undefined where there is none, or somebody listens on it: perhaps the server itself, which is then taken over. */
  async of(server: Server): Promise<number | undefined> {
    const port = this.#known[server]
    if (port === undefined) return undefined
    try {
      const held = await holdPort('127.0.0.1', port)
      await held.release()
      return port
    } catch {
      return undefined
    }
  }

  keep(server: Server, port: number): void {
    this.#known = { ...this.#known, [server]: port }
    writeFileSync(this.#file, `${JSON.stringify(this.#known)}\n`)
  }
}

function read(file: string): z.infer<typeof ports> {
  try {
    return ports.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return {}
  }
}
