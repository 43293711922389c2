import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { drive, type Figures, type Request } from './drive.ts'
import { processorTime, residentMemory, type Running, startStandalone } from './program.ts'

const { values: options } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1,32,128' },
    json: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
  },
})

const seconds = Number(options.seconds)
const folder = await mkdtemp(join(tmpdir(), 'latchkey-bench-'))
const figures: Figures[] = []
const ids: string[] = []
let run = 0
const measured: Record<string, number> = {}
try {
  const first = await startStandalone(folder)
  measured['first start, seconds to ready'] = first.readyAfterMilliseconds / 1000
  await first.stop()
  const profile = options['cpu-prof'] === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${options['cpu-prof']}`]
  const program = await startStandalone(folder, profile)
  measured['second start, seconds to ready'] = program.readyAfterMilliseconds / 1000
  measured['memory at rest, MiB'] = residentMemory(program.process.pid)
  for (const connections of options.connections.split(',').map(Number)) await measure(program, connections)
  measured[`memory after ${ids.length} creates, MiB`] = residentMemory(program.process.pid)
  await program.stop()
} finally {
  await rm(folder, { recursive: true, force: true })
}
if (options.json) process.stdout.write(`${JSON.stringify({ figures, measured }, undefined, 2)}\n`)
else print()

async function measure(program: Running, connections: number): Promise<void> {
  run++
  const headers = `authorization: Bearer ${program.key}\r\ncontent-type: application/scim+json\r\n`
  const base = new URL(program.scimBaseUrl).pathname
  const known = ids
  const load = (name: string, request: (number: number) => Request, answered?: (body: string) => void) =>
    drive({
      name,
      url: program.url,
      processorTime: () => processorTime(program.process.pid),
      headers,
      connections,
      seconds,
      request,
      ...(answered === undefined ? {} : { answered: (reply) => answered(reply.body) }),
    })
  const anyId = (number: number): string => known[(number * 7919) % known.length] ?? ''
  const prefix = `${run}`
  figures.push(
    await load(
      'create user',
      (number) => ({ method: 'POST', path: `${base}/Users`, body: user(`u${prefix}-${number}`), expect: 201 }),
      (body) => {
        const id = /"id":"([^"]+)"/.exec(body)?.[1]
        if (id !== undefined) known.push(id)
      },
    ),
    await load('read user by id', (number) => ({ method: 'GET', path: `${base}/Users/${anyId(number)}`, expect: 200 })),
    await load('filter on userName', (number) => ({
      method: 'GET',
      path: `${base}/Users?filter=userName%20eq%20%22u${prefix}-${number % 100}%40example.com%22`,
      expect: 200,
    })),
    await load('PATCH active', (number) => ({
      method: 'PATCH',
      path: `${base}/Users/${anyId(number)}`,
      body: patch([{ op: 'replace', path: 'active', value: number % 2 === 0 }]),
      expect: 200,
    })),
  )
}

function user(name: string): string {
  return JSON.stringify({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@example.com`,
    externalId: name,
    name: { givenName: 'Test', familyName: name },
    displayName: `Test ${name}`,
    emails: [{ value: `${name}@example.com`, type: 'work', primary: true }],
    active: true,
  })
}

function patch(Operations: object[]): string {
  return JSON.stringify({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })
}

function print(): void {
  const cell = (value: string | number, width: number): string => String(value).padStart(width)
  process.stdout.write(
    `${'operation'.padEnd(22)}${cell('conns', 6)}${cell('req/s', 9)}${cell('p50 ms', 9)}${cell('p95 ms', 9)}${cell('p99 ms', 9)}${cell('cpu us', 9)}\n`,
  )
  for (const { name, connections, perSecond, p50, p95, p99, processor } of figures) {
    process.stdout.write(
      `${name.padEnd(22)}${cell(connections, 6)}${cell(Math.round(perSecond), 9)}${cell(p50.toFixed(2), 9)}${cell(p95.toFixed(2), 9)}${cell(p99.toFixed(2), 9)}${cell(Math.round(processor), 9)}\n`,
    )
  }
  for (const [name, value] of Object.entries(measured)) process.stdout.write(`${name}: ${value.toFixed(2)}\n`)
}
