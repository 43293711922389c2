import type { Asked } from './asked.ts'
import { filled } from './filled.ts'
import { candidates, type LargeGroup, measureLargeGroup } from './large-group.ts'
import type { Shape } from './shapes.ts'
import { fewUsers, type Grown, measureSizes } from './sizes.ts'
import { groupTable, sizesHeading, sizesLine } from './sizes-table.ts'

export interface SizesMeasured {
  readonly shape: string
  readonly rows: readonly Grown[]
  readonly group: LargeGroup | undefined
}

/** With `--users`: what few and many users cost. With `--members`: a large group, among the many users. */
export async function measureGrowth(asked: Asked): Promise<{ shapes: SizesMeasured[] }> {
  const measured: SizesMeasured[] = []
  for (const [name, shape] of asked.shapes) measured.push(await measureShape(name, shape, asked))
  return { shapes: measured }
}

async function measureShape(name: string, shape: Shape, asked: Asked): Promise<SizesMeasured> {
  const { nodeArguments, say } = asked
  const [users, members] = [asked.number('users', 0), asked.number('members', 0)]
  const many = Math.max(users, members === 0 ? 0 : members + candidates)
  return filled(shape, many, members, nodeArguments, async (large) => {
    say(`${name}: ${many} users, a group of ${members}: loaded in ${large.loadedInSeconds.toFixed(0)} s`)
    const group = large.group === undefined ? undefined : await measureLargeGroup(large, large.group, members)
    if (group !== undefined) say(groupTable(group))
    if (users === 0) return { shape: name, rows: [], group }
    say(sizesHeading(name, users))
    const rows = await filled(shape, fewUsers, 0, [], (small) =>
      measureSizes(small, large, {
        seconds: asked.number('seconds', 2),
        rounds: asked.number('rounds', 3),
        connections: asked.numbers('connections', [1, 32]),
        told: (row) => say(sizesLine(row)),
      }),
    )
    return { shape: name, rows, group }
  })
}
