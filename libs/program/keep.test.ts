import { setTimeout as pause } from 'node:timers/promises'
import { createLogger, type Logger } from '#libs/telemetry/index'
import { type Beside, keep } from './keep.ts'

let lines: string[]
let logger: Logger
beforeEach(async () => {
  lines = []
  logger = await createLogger({
    service: 'test',
    level: 'info',
    pretty: false,
    stream: { write: (line: string) => void lines.push(line) },
  })
})

/** Ends when it is told to; `stop` fails when it has ended by itself, as that of a service does which ended with an exit code. */
class Started implements Beside {
  readonly pid: number
  readonly gone: Promise<void>
  readonly endBySelf: () => void
  readonly #end: () => void
  #failed = false

  constructor(pid: number) {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.pid = pid
    this.gone = promise
    this.#end = resolve
    this.endBySelf = () => {
      this.#failed = true
      resolve()
    }
  }

  async stop(): Promise<void> {
    if (this.#failed) throw new Error('it ended otherwise than asked')
    this.#end()
  }
}

test('what has ended is started again, also when ending it is told to have failed', async () => {
  const started: Started[] = []
  const kept = await keep(
    'the server',
    async () => {
      const one = new Started(started.length + 1)
      started.push(one)
      return one
    },
    logger,
  )
  started[0]?.endBySelf()
  while (kept.current.pid === 1) await pause(1)
  expect(kept.current.pid).toBe(2)
  expect(lines.join('')).toContain('the server could not be ended as it should')
  expect(lines.join('')).toContain('the server is back')
  await kept.stop()
  expect(started).toHaveLength(2)
})

test('one that ends while it is told to stop is not started again', async () => {
  let starts = 0
  const only = new Started(1)
  const kept = await keep(
    'the server',
    async () => {
      starts += 1
      return only
    },
    logger,
  )
  await kept.stop()
  await only.gone
  expect(starts).toBe(1)
})
