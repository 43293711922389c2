import type { InProcess } from './times.ts'
import { type Compared, threshold } from './timing.ts'
import type { Measured, Row } from './measure.ts'

const columns = ['conns', 'req/s', 'p50 ms', 'p95 ms', 'p99 ms', 'cpu us', 'pg us', 'driver', 'others'] as const
const nameWidth = 24

/** The table's head; times are of a request, cpu and pg what it cost the program and Postgres, driver the measuring side's part of a core, others what the rest took of the machine. */
export function heading(shape: string): string {
  return `\n${shape.padEnd(nameWidth)}${columns.map((name) => name.padStart(8)).join('')}  floors: requests/s (reached)`
}

export function line(row: Row): string {
  const { name, connections, perSecond, p50, p95, p99, processor, postgres, driver, others } = row
  const cells = [
    connections,
    Math.round(perSecond),
    ...[p50, p95, p99].map((milliseconds) => milliseconds.toFixed(2)),
    Math.round(processor),
    Math.round(postgres),
    `${Math.round(driver * 100)} %`,
    `${Math.round(others * 100)} %`,
  ]
  const floors = row.floors.map((floor) => `${floor.name} ${Math.round(floor.perSecond)} (${floor.ratio.toFixed(2)})`)
  return `${name.padEnd(nameWidth)}${cells.map((cell) => String(cell).padStart(8)).join('')}  ${floors.join(', ')}`
}

export function summary({ lag, behind, rows }: Measured, measured: Readonly<Record<string, number>>): string {
  const changes = rows.filter((row) => row.name.startsWith('add member to '))
  const growth = [...new Set(changes.map((row) => row.connections))].flatMap((connections) => {
    const [small, large] = changes.filter((row) => row.connections === connections)
    if (small === undefined || large === undefined) return []
    const [p50, rate] = [large.p50 / small.p50, small.perSecond / large.perSecond]
    return [
      `large group against small, ${connections} connections: p50 x${p50.toFixed(2)}, requests/s x${rate.toFixed(2)}`,
    ]
  })
  return [
    'An added member is taken out again by the next request of its connection: both count in req/s, the adding alone in p50 to p99.',
    ...growth,
    ...lag.followers.map(
      ({ follower, events, p50, p95, p99 }) =>
        `201 to commit of ${follower}, ${Math.round(lag.perSecond)} creates/s: p50 ${p50.toFixed(1)}, p95 ${p95.toFixed(1)}, p99 ${p99.toFixed(1)} ms of ${events}`,
    ),
    ...behind.map(
      ({ connections, milliseconds }) =>
        `followers done after creates at ${connections} connections: ${milliseconds.toFixed(0)} ms`,
    ),
    ...Object.entries(measured).map(([name, value]) => `${name}: ${value.toFixed(2)}`),
  ].join('\n')
}

/** Work on one request alone: the median and the fastest of many batches and the processor time, beside what the median should stay below. */
export function inProcessTable(work: readonly InProcess[]): string {
  const lines = work.map(({ what, median, fastest, processor, goal }) => {
    const times = [median, fastest, processor].map((time) => time.toFixed(1).padStart(10)).join('')
    return `${what.padEnd(52)}${times}${String(goal).padStart(10)}`
  })
  return [
    '',
    `${'in process, microseconds'.padEnd(52)}${['median', 'fastest', 'cpu', 'goal'].map((name) => name.padStart(10)).join('')}`,
    ...lines,
  ].join('\n')
}

/** Whether the time of a refusal tells which of two things was wrong: what the first takes longer, and Welch's t of that. */
export function refusalsTable(compared: readonly Compared[]): string {
  const width = 82
  const lines = compared.map(({ what, n, difference, t, isTold, isAnswered }) => {
    const cells = [n, difference.toFixed(0), t.toFixed(2)].map((cell) => String(cell).padStart(9)).join('')
    const verdict = isTold ? (isAnswered ? 'told, as by the answer' : 'TOLD') : 'not told'
    return `${what.padEnd(width)}${cells}  ${verdict}`
  })
  const names = `${['n', 'ns', 't'].map((name) => name.padStart(9)).join('')}  |t| > ${threshold}`
  return ['', `${'what the time of a refusal tells'.padEnd(width)}${names}`, ...lines].join('\n')
}
