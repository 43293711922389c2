import { cpus } from 'node:os'
import { Connection, type Reply } from './connection.ts'
import { type Figures, ownShare, spread } from './figures.ts'
import { machineTime } from './processes.ts'

export interface Request {
  readonly method: string
  readonly path: string
  readonly body?: string
  readonly expect: number
  /** False for what only undoes the request before: it is sent and counted, but its time is not. */
  readonly timed?: boolean
}

export interface Target {
  readonly url: string
  /** Header lines, each ended by CRLF. */
  readonly headers: string
  /** Seconds that it and its Postgres have used so far. */
  readonly processorTime: () => { readonly processor: number; readonly postgres: number }
}

export interface Load {
  readonly name: string
  readonly connections: number
  readonly seconds: number
  /** The request of that number, of all and of those of its connection. */
  readonly request: (number: number, ofConnection: { readonly connection: number; readonly number: number }) => Request
  readonly answered?: (reply: Reply, number: number) => void
}

/** A closed loop: each connection sends its next request when the last is answered. An unexpected status ends the run. */
export async function drive(target: Target, load: Load): Promise<Figures> {
  const connections = await openConnections(target.url, load.connections)
  const latencies: number[] = []
  let number = 0
  const used = { ...target.processorTime(), machine: machineTime() }
  const driver = ownShare()
  const began = performance.now()
  const end = began + load.seconds * 1000
  await Promise.all(
    connections.map(async (connection, index) => {
      for (let turn = 0; performance.now() < end; turn++) {
        const mine = number++
        const request = load.request(mine, { connection: index, number: turn })
        const sent = performance.now()
        const reply = await send(connection, target, request)
        if (request.timed !== false) latencies.push(performance.now() - sent)
        load.answered?.(reply, mine)
      }
    }),
  )
  const milliseconds = performance.now() - began
  for (const connection of connections) connection.close()
  return figuresOf(target, load, { requests: number, latencies, milliseconds, used, driver: driver() })
}

export interface Pace {
  readonly name: string
  /** Requests a second. */
  readonly rate: number
  readonly connections: readonly Connection[]
  readonly seconds: number
  readonly request: (number: number) => Request
  readonly answered: (reply: Reply, number: number) => void
}

/** An open loop: requests are sent at their time, whatever became of those before. Latency counts from that time on. */
export async function pace(target: Target, load: Pace): Promise<Figures> {
  const idle = [...load.connections]
  const latencies: number[] = []
  const late: number[] = []
  const requests = Math.round(load.rate * load.seconds)
  const used = { ...target.processorTime(), machine: machineTime() }
  const driver = ownShare()
  const began = performance.now()
  await new Promise<void>((resolve, reject) => {
    const start = (number: number, connection: Connection): void => {
      send(connection, target, load.request(number)).then((reply) => {
        latencies.push(performance.now() - began - (number * 1000) / load.rate)
        load.answered(reply, number)
        const next = late.shift()
        if (next !== undefined) start(next, connection)
        else idle.push(connection)
        if (latencies.length === requests) resolve()
      }, reject)
    }
    let sent = 0
    const timer = setInterval(() => {
      const due = Math.min(requests, Math.ceil(((performance.now() - began) * load.rate) / 1000))
      for (; sent < due; sent++) {
        const connection = idle.shift()
        if (connection === undefined) late.push(sent)
        else start(sent, connection)
      }
      if (sent === requests) clearInterval(timer)
    }, 1)
  })
  const milliseconds = performance.now() - began
  const { name, connections } = load
  const run = { requests, latencies, milliseconds, used, driver: driver() }
  return figuresOf(target, { name, connections: connections.length }, run)
}

async function send(connection: Connection, { headers }: Target, request: Request): Promise<Reply> {
  const { method, path, body, expect } = request
  const reply = await connection.request(method, path, headers, body)
  if (reply.status !== expect) throw new Error(`${method} ${path} was answered ${reply.status}: ${reply.body}`)
  return reply
}

export function openConnections(url: string, many: number): Promise<Connection[]> {
  return Promise.all(Array.from({ length: many }, () => Connection.open(new URL(url))))
}

interface Run {
  readonly requests: number
  readonly latencies: number[]
  readonly milliseconds: number
  readonly used: ReturnType<Target['processorTime']> & { readonly machine: number }
  readonly driver: number
}

function figuresOf(target: Target, load: { name: string; connections: number }, run: Run): Figures {
  const { processor, postgres } = target.processorTime()
  const seconds = run.milliseconds / 1000
  const ours = processor - run.used.processor + postgres - run.used.postgres + run.driver * seconds
  return {
    name: load.name,
    connections: load.connections,
    requests: run.requests,
    perSecond: (run.requests * 1000) / run.milliseconds,
    ...spread(run.latencies),
    processor: ((processor - run.used.processor) * 1e6) / run.requests,
    postgres: ((postgres - run.used.postgres) * 1e6) / run.requests,
    driver: run.driver,
    others: Math.max(0, machineTime() - run.used.machine - ours) / (seconds * cpus().length),
  }
}
