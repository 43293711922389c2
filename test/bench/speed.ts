import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Asked } from './asked.ts'
import { type Measured, measure } from './measure.ts'
import { overPostgres } from './over-postgres.ts'
import { residentMemory } from './processes.ts'
import type { Shape } from './shapes.ts'
import { heading, line, summary } from './table.ts'
import { WriteFloor } from './write-floor.ts'

export interface ShapeMeasured extends Measured {
  readonly shape: string
  readonly measured: Readonly<Record<string, number>>
}

/** Each shape in a folder and over a Postgres of its own, which keeps the time of each commit; the floors are databases of the same server. */
export async function measureSpeed(asked: Asked): Promise<{ shapes: ShapeMeasured[] }> {
  const measured: ShapeMeasured[] = []
  for (const [name, shape] of asked.shapes) measured.push(await measureShape(name, shape, asked))
  return { shapes: measured }
}

async function measureShape(name: string, shape: Shape, asked: Asked): Promise<ShapeMeasured> {
  const { options, nodeArguments, say } = asked
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
  return overPostgres(shape, { nodeArguments }, async (program, postgres) => {
    const { appendsTo } = shape
    measured['memory at rest, MiB'] = residentMemory(program.pids)
    say(heading(name))
    const result = await measure(program, {
      seconds: asked.number('seconds', 3),
      connections: asked.numbers('connections', [1, 32, 128]),
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
