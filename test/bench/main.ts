import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startEmbeddedPostgres } from '#libs/postgres/embedded/index'
import { type Measured, measure } from './measure.ts'
import { machine, residentMemory } from './processes.ts'
import { type Shape, shapes } from './shapes.ts'
import { heading, line, summary } from './table.ts'
import { WriteFloor } from './write-floor.ts'

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string', default: 'both' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '1,32,128' },
    only: { type: 'string' },
    'no-floors': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})

export interface ShapeMeasured extends Measured {
  readonly shape: string
  readonly measured: Readonly<Record<string, number>>
}

const wanted = Object.entries(shapes).filter(([name]) => options.shape === 'both' || options.shape === name)
if (wanted.length === 0) throw new Error(`--shape is one of ${Object.keys(shapes).join(', ')}, both`)
const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`)

say(machine())
const results: ShapeMeasured[] = []
for (const [name, shape] of wanted) results.push(await measureShape(name, shape))
if (options.json) process.stdout.write(`${JSON.stringify({ machine: machine(), shapes: results }, undefined, 2)}\n`)

/** In a folder and over a Postgres of its own, which keeps the time of each commit; the floors are databases of the same server. */
async function measureShape(shape: string, { start, appendsTo }: Shape): Promise<ShapeMeasured> {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  const measured: Record<string, number> = {}
  try {
    for (const which of ['first', 'second']) {
      const program = await start({ folder: join(folder, 'alone') })
      measured[`${which} start, seconds to ready`] = program.readyAfterMilliseconds / 1000
      await program.stop()
    }
    const postgres = await startEmbeddedPostgres({
      folder: join(folder, 'postgres'),
      log: join(folder, 'postgres.log'),
      durable: true,
      settings: { track_commit_timestamp: 'on' },
    })
    try {
      const profile = options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`]
      const program = await start({
        folder: join(folder, 'over'),
        databaseUrl: postgres.nearUrl,
        nodeArguments: profile,
      })
      try {
        measured['memory at rest, MiB'] = residentMemory(program.pids)
        say(heading(shape))
        const result = await measure(program, {
          seconds: Number(options.seconds),
          connections: options.connections.split(',').map(Number),
          postgres,
          appendsTo,
          ...(options.only === undefined ? {} : { only: options.only }),
          ...(options['no-floors'] ? {} : { floors: await WriteFloor.open(postgres.nearUrl, appendsTo) }),
          told: (row) => say(line(row)),
        })
        measured[`memory after ${result.created} creates, MiB`] = residentMemory(program.pids)
        say(summary(result, measured))
        return { shape, ...result, measured }
      } finally {
        await program.stop()
      }
    } finally {
      await postgres.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
