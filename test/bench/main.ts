import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { filled } from './filled.ts'
import { measureInProcess } from './in-process.ts'
import { candidates, type LargeGroup, measureLargeGroup } from './large-group.ts'
import { type Measured, measure } from './measure.ts'
import { machine, residentMemory } from './processes.ts'
import { type Shape, shapes } from './shapes.ts'
import { overPostgres } from './over-postgres.ts'
import { fewUsers, type Grown, measureSizes } from './sizes.ts'
import { groupTable, sizesHeading, sizesLine } from './sizes-table.ts'
import { heading, inProcessTable, line, summary } from './table.ts'
import { WriteFloor } from './write-floor.ts'

const { values: options } = parseArgs({
  options: {
    shape: { type: 'string' },
    seconds: { type: 'string' },
    connections: { type: 'string' },
    only: { type: 'string' },
    'no-floors': { type: 'boolean', default: false },
    'in-process': { type: 'boolean', default: false },
    users: { type: 'string' },
    members: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})

export interface SizesMeasured {
  readonly shape: string
  readonly rows: readonly Grown[]
  readonly group: LargeGroup | undefined
}

export interface ShapeMeasured extends Measured {
  readonly shape: string
  readonly measured: Readonly<Record<string, number>>
}

/** Sizes are measured instead of speed, and of one shape unless told: loading takes its time. */
const [users, members] = [Number(options.users ?? 0), Number(options.members ?? 0)]
const isOfSizes = users + members > 0
const asked = options.shape ?? (isOfSizes ? 'standalone' : 'both')
const wanted = Object.entries(shapes).filter(([name]) => asked === 'both' || asked === name)
if (wanted.length === 0) throw new Error(`--shape is one of ${Object.keys(shapes).join(', ')}, both`)
const nodeArguments = options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`]
const say = (text: string): void => void (options.json ? process.stderr : process.stdout).write(`${text}\n`)

say(machine())
const inProcess = isOfSizes ? [] : await measureInProcess()
if (inProcess.length > 0) say(inProcessTable(inProcess))
const results: (ShapeMeasured | SizesMeasured)[] = []
for (const [name, shape] of options['in-process'] ? [] : wanted)
  results.push(await (isOfSizes ? measureSizesOf : measureShape)(name, shape))
if (options.json)
  process.stdout.write(`${JSON.stringify({ machine: machine(), inProcess, shapes: results }, undefined, 2)}\n`)

/** In a folder and over a Postgres of its own, which keeps the time of each commit; the floors are databases of the same server. */
async function measureShape(name: string, shape: Shape): Promise<ShapeMeasured> {
  const measured: Record<string, number> = {}
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
  try {
    for (const which of ['first', 'second']) {
      const program = await shape.start({ folder })
      measured[`${which} start, seconds to ready`] = program.readyAfterMilliseconds / 1000
      await program.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return overPostgres(shape, nodeArguments, async (program, postgres) => {
    const { appendsTo } = shape
    measured['memory at rest, MiB'] = residentMemory(program.pids)
    say(heading(name))
    const result = await measure(program, {
      seconds: Number(options.seconds ?? 3),
      connections: (options.connections ?? '1,32,128').split(',').map(Number),
      postgres,
      appendsTo,
      ...(options.only === undefined ? {} : { only: options.only }),
      ...(options['no-floors'] ? {} : { floors: await WriteFloor.open(postgres.nearUrl, appendsTo) }),
      told: (row) => say(line(row)),
    })
    measured[`memory after ${result.created} creates, MiB`] = residentMemory(program.pids)
    say(summary(result, measured))
    return { shape: name, ...result, measured }
  })
}

/** With `--users`: what few and many users cost. With `--members`: a large group, among the many users. */
async function measureSizesOf(name: string, shape: Shape): Promise<SizesMeasured> {
  const many = Math.max(users, members === 0 ? 0 : members + candidates)
  return filled(shape, many, members, nodeArguments, async (large) => {
    say(`${name}: ${many} users, a group of ${members}: loaded in ${large.loadedInSeconds.toFixed(0)} s`)
    const group = large.group === undefined ? undefined : await measureLargeGroup(large, large.group, members)
    if (group !== undefined) say(groupTable(group))
    if (users === 0) return { shape: name, rows: [], group }
    say(sizesHeading(name, users))
    const rows = await filled(shape, fewUsers, 0, [], (small) =>
      measureSizes(small, large, {
        seconds: Number(options.seconds ?? 2),
        rounds: Number(options.rounds),
        connections: (options.connections ?? '1,32').split(',').map(Number),
        told: (row) => say(sizesLine(row)),
      }),
    )
    return { shape: name, rows, group }
  })
}
