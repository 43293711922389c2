import type { LargeGroup } from './large-group.ts'
import { fewUsers, type Grown } from './sizes.ts'

const nameWidth = 32
const width = 11

export function sizesHeading(shape: string, users: number): string {
  const columns = [
    'conns',
    `${short(fewUsers)} p50`,
    `${short(users)} p50`,
    'p50',
    `${short(fewUsers)} p99`,
    `${short(users)} p99`,
    'p99',
    'cpu us',
    'cpu us',
  ]
  return `\n${shape.padEnd(nameWidth)}${columns.map((name) => name.padStart(width)).join('')}`
}

/** Milliseconds, and how many times those of few users the many take; then the processor time of a request with few users and with many. */
export function sizesLine({ name, connections, few, many, ratio, cost, refused }: Grown): string {
  const cells = [
    connections,
    few.p50.toFixed(2),
    many.p50.toFixed(2),
    `x${ratio.p50.toFixed(2)}`,
    few.p99.toFixed(2),
    many.p99.toFixed(2),
    `x${ratio.p99.toFixed(2)}`,
    ...(cost === undefined ? [] : [Math.round(cost.few), Math.round(cost.many)]),
  ]
  const note = refused === undefined ? '' : `  refused: ${refused.join(', ')}`
  return `${name.padEnd(nameWidth)}${cells.map((cell) => String(cell).padStart(width)).join('')}${note}`
}

export function groupTable({ members, timed, seen, whole }: LargeGroup): string {
  const columns = ['p50 ms', 'p99 ms', 'server p50', 'server p99']
  return [
    `\n${`group of ${members}`.padEnd(nameWidth)}${columns.map((name) => name.padStart(width)).join('')}`,
    ...timed.map(({ name, client, server }) => {
      const cells = [client.p50, client.p99, server.p50, server.p99]
      return `${name.padEnd(nameWidth)}${cells.map((cell) => cell.toFixed(2).padStart(width)).join('')}`
    }),
    'p50 and p99 at the client include the commit; those at the server end with the record of the request, before it.',
    `while members joined others saw of them: ${seen.during.join(', ')}; after a refused request: ${seen.afterRefusal}`,
    'Groups are read without members while the table of memberships is locked for everybody.',
    `read with all members: ${whole.milliseconds.toFixed(0)} ms, ${whole.answer.toFixed(1)} MiB, resident memory ${whole.before.toFixed(0)} -> ${whole.peak.toFixed(0)} MiB at its peak`,
  ].join('\n')
}

function short(many: number): string {
  return many >= 1_000_000 ? `${many / 1_000_000}M` : `${many / 1_000}k`
}
