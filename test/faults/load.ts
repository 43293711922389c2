import { Agent } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import type { Door } from './installation.ts'
import { type Answer, ask, newUser, user } from './running-program.ts'

export interface LoadOptions {
  readonly doors: readonly Door[]
  readonly connections: number
  /** Milliseconds of rest of each connection after each answer: so much is enough, and the machine is others' too. */
  readonly rest: number
}

export interface Load {
  /** Requests answered as they should be. */
  readonly answered: number
  /** Requests that had to be sent again, to the other gateway. */
  readonly again: number
  /** What was answered otherwise, or not at all. */
  readonly failures: readonly string[]
  /** Lets each connection finish what it does; answers the version of each user by id. */
  stop(): Promise<ReadonlyMap<string, number>>
}

const patchActive = (active: boolean): object => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path: 'active', value: active }],
})

/**
 * Identity providers at work: each connection creates a user, changes it three times, and goes on with the next. Where a door leads
 * to two gateways it takes them in turn, and sends a request that was not served once more, to the other one.
 */
export function startLoad({ doors, connections, rest }: LoadOptions): Load {
  const crowd = crypto.randomUUID()
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const versions = new Map<string, number>()
  const failures: string[] = []
  let stopping = false
  let begun = 0
  let answered = 0
  let again = 0
  let turn = 0

  async function sendOnce(url: string, key: string, method: string, body: object): Promise<Answer | string> {
    try {
      const answer = await ask(url, { method, token: key, body, agent })
      return answer.status === 503 ? `503 ${JSON.stringify(answer.body)}` : answer
    } catch (error) {
      return String(error)
    }
  }

  async function send(door: Door, method: string, path: string, body: object, wanted: number): Promise<unknown> {
    const { bases, key } = door
    const first = bases[turn++ % bases.length] ?? ''
    const other = bases.find((base) => base !== first)
    let answer = await sendOnce(first + path, key, method, body)
    if (typeof answer === 'string' && other !== undefined) {
      again++
      answer = await sendOnce(other + path, key, method, body)
    }
    await pause(rest)
    // 204 where it was written, and could not be read again to be shown.
    if (typeof answer !== 'string' && (answer.status === wanted || (method === 'PATCH' && answer.status === 204))) {
      answered++
      return answer.body ?? {}
    }
    failures.push(
      `${method} ${path}: ${typeof answer === 'string' ? answer : `${answer.status} ${JSON.stringify(answer.body)}`}`,
    )
    return undefined
  }

  async function connection(door: Door): Promise<void> {
    while (!stopping) {
      const made = user.safeParse(await send(door, 'POST', '/Users', newUser(`${crowd}-${++begun}`), 201))
      if (!made.success) continue
      const { id } = made.data
      versions.set(id, 1)
      for (const active of [false, true, false]) {
        const changed = await send(door, 'PATCH', `/Users/${id}`, patchActive(active), 200)
        if (changed !== undefined) versions.set(id, (versions.get(id) ?? 0) + 1)
      }
    }
  }

  const running = Array.from({ length: connections }, (_, at) => connection(doors[at % doors.length] ?? doors[0]!))
  return {
    get answered() {
      return answered
    },
    get again() {
      return again
    },
    failures,
    async stop() {
      stopping = true
      await Promise.all(running)
      agent.destroy()
      return versions
    },
  }
}
