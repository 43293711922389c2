import type { Asked } from './asked.ts'
import { type FloodRow, measureFloods } from './flood.ts'
import { floodHeading, floodLine } from './flood-table.ts'
import { overPostgres } from './over-postgres.ts'
import { countingSettings, StatementCounter } from './statements.ts'

/** Bad keys are limited as they are for everyone, good ones not at all; and this machine is a proxy that tells of addresses. */
const floodEnvironment = {
  LATCHKEY_TRUSTED_PROXIES: '127.0.0.1',
  LATCHKEY_RATE_UNPROVED: '100',
  LATCHKEY_RATE_LOOKUPS: '100',
  LATCHKEY_RATE_REFUSALS: '300',
}

/** What good requests wait for while bad keys arrive, in each shape that is asked for. */
export async function measureFlood(asked: Asked): Promise<{ floods: { shape: string; rows: FloodRow[] }[] }> {
  const floods: { shape: string; rows: FloodRow[] }[] = []
  for (const [name, shape] of asked.shapes) {
    const { nodeArguments, say } = asked
    const started = { nodeArguments, env: floodEnvironment, settings: countingSettings }
    const rows = await overPostgres(shape, started, async (program, postgres) => {
      const statements = await StatementCounter.open(postgres.nearUrl)
      say(floodHeading(name))
      const seconds = asked.number('seconds', 15)
      const only = asked.options.only ?? ''
      const told = (row: FloodRow): void => say(floodLine(row))
      const measured = await measureFloods(program, { seconds, only, postgres, statements, told })
      await statements.close()
      return measured
    })
    floods.push({ shape: name, rows })
  }
  return { floods }
}
