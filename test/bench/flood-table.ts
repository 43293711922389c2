import { answeredIn, type FloodRow } from './flood.ts'

const columns = [
  'networks',
  'connections',
  'sent/s',
  '401/s',
  '429/s',
  'other/s',
  'p50 alone',
  'during',
  'p99 alone',
  'during',
  'ratio',
  'look-ups/s',
  'records/s',
  'queries/s',
  'alone',
  'cpu us',
  'sender',
  'others',
] as const
const width = 12
const nameWidth = 16

/** The table's head; p50 and p99 are of good requests in ms, cpu what one bad key cost program and Postgres, sender its part of one core, others what the rest took of the machine. */
export function floodHeading(shape: string): string {
  return `\n${shape.padEnd(nameWidth)}${columns.map((name) => name.padStart(width)).join('')}`
}

export function floodLine(row: FloodRow): string {
  const { flood, flooded, alone, during, processor } = row
  const { '401': unauthorized = 0, '429': limited = 0 } = flooded.statuses
  const rate = (count: number): number => Math.round(count / flooded.seconds)
  const cells = [
    flood.networks,
    flood.connections,
    flood.rate,
    rate(unauthorized),
    rate(limited),
    Math.round(answeredIn(flooded)) - rate(unauthorized) - rate(limited),
    ...[alone.p50, during.p50, alone.p99, during.p99].map((milliseconds) => milliseconds.toFixed(2)),
    (during.p99 / alone.p99).toFixed(2),
    Math.round(during.lookUps),
    Math.round(during.records),
    Math.round(during.statements),
    Math.round(alone.statements),
    Math.round(processor),
    `${Math.round(flooded.sender * 100)} %`,
    `${Math.round(during.others * 100)} %`,
  ]
  const name = flood.kinds.length > 1 ? 'all kinds' : flood.kinds.join('')
  return `${name.padEnd(nameWidth)}${cells.map((cell) => String(cell).padStart(width)).join('')}`
}
