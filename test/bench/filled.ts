import { Loader } from './load.ts'
import { Connection, type Reply } from './connection.ts'
import type { Request, Target } from './drive.ts'
import { overPostgres } from './over-postgres.ts'
import { postgresTime, processorTime } from './processes.ts'
import { requestsAt } from './requests.ts'
import type { Running, Shape } from './shapes.ts'

/** A running program whose first connection holds many users. */
export interface Filled {
  readonly program: Running
  readonly databaseUrl: string
  readonly target: Target
  readonly requests: ReturnType<typeof requestsAt>
  /** Of the loaded users; `nameOf` tells their names by the same numbers. */
  readonly ids: readonly string[]
  readonly loadedInSeconds: number
  /** Of the group with many members, if one was asked for. */
  readonly group: string | undefined
  /** Rejects when the answer has not the status that the request expects, nor one of those. */
  ask(request: Request, orStatus?: readonly number[]): Promise<Reply>
}

export function filled<T>(
  shape: Shape,
  users: number,
  members: number,
  nodeArguments: readonly string[],
  work: (filled: Filled) => Promise<T>,
): Promise<T> {
  return overPostgres(shape, { nodeArguments }, async (program, postgres) => {
    const base = new URL(program.scimBaseUrl).pathname
    const began = performance.now()
    const loader = await Loader.open(postgres.nearUrl, base.slice(base.lastIndexOf('/') + 1))
    const ids = await loader.users(users, nameOf)
    const group = members === 0 ? undefined : await loader.group('large', ids.slice(0, members))
    await loader.close()
    const loadedInSeconds = (performance.now() - began) / 1000
    const target: Target = {
      url: program.url,
      headers: `authorization: Bearer ${program.key}\r\ncontent-type: application/scim+json\r\n`,
      processorTime: () => ({ processor: processorTime(program.pids), postgres: postgresTime(postgres.pid) }),
    }
    let one: Connection | undefined
    const ask = async (request: Request, orStatus: readonly number[] = []): Promise<Reply> => {
      if (one?.isOpen !== true) one = await Connection.open(new URL(program.url))
      const reply = await one.request(request.method, request.path, target.headers, request.body)
      if ([request.expect, ...orStatus].includes(reply.status)) return reply
      throw new Error(`${request.method} ${request.path} was answered ${reply.status}: ${reply.body}`)
    }
    const requests = requestsAt(base)
    try {
      return await work({ program, databaseUrl: postgres.nearUrl, target, requests, ids, loadedInSeconds, group, ask })
    } finally {
      one?.close()
    }
  })
}

/** Each number's own name; names of neighbours lie far apart in an index, as those of people do. */
export function nameOf(number: number): string {
  return `user-${(Math.imul(number, 0x9e3779b1) >>> 0).toString(16).padStart(8, '0')}`
}
