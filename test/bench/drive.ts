import { Connection, type Reply } from './connection.ts'

export interface Request {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly expect: number
}

export interface Figures {
  readonly name: string
  readonly connections: number
  readonly requests: number
  readonly perSecond: number
  /** Milliseconds. */
  readonly p50: number
  readonly p95: number
  readonly p99: number
  /** Processor time of the program per request, in microseconds: comparable also on a busy machine. */
  readonly processor: number
}

export interface Load {
  readonly name: string
  readonly url: string
  readonly processorTime: () => number
  readonly headers: string
  readonly connections: number
  readonly seconds: number
  /** The request of that number; numbers go up by one over all connections. */
  readonly request: (number: number) => Request
  readonly answered?: (reply: Reply, number: number) => void
}

/** A closed loop: each connection sends its next request when the last is answered. An unexpected status ends the run. */
export async function drive(load: Load): Promise<Figures> {
  const url = new URL(load.url)
  const connections = await Promise.all(Array.from({ length: load.connections }, () => Connection.open(url)))
  const latencies: number[] = []
  let number = 0
  const used = load.processorTime()
  const began = performance.now()
  const end = began + load.seconds * 1000
  await Promise.all(
    connections.map(async (connection) => {
      while (performance.now() < end) {
        const mine = number++
        const { method, path, body, expect } = load.request(mine)
        const sent = performance.now()
        const reply = await connection.request(method, path, load.headers, body)
        latencies.push(performance.now() - sent)
        if (reply.status !== expect) throw new Error(`${method} ${path} was answered ${reply.status}: ${reply.body}`)
        load.answered?.(reply, mine)
      }
    }),
  )
  const seconds = (performance.now() - began) / 1000
  for (const connection of connections) connection.close()
  latencies.sort((one, other) => one - other)
  const at = (share: number): number =>
    latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? 0
  return {
    name: load.name,
    connections: load.connections,
    requests: latencies.length,
    perSecond: latencies.length / seconds,
    p50: at(0.5),
    p95: at(0.95),
    p99: at(0.99),
    processor: ((load.processorTime() - used) * 1e6) / latencies.length,
  }
}
