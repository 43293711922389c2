import { jest } from '@jest/globals'
import { z } from 'zod'
import { type Answer, ask, Ground, newUser, type Program, rowsOf, until } from './running-program.ts'

jest.setTimeout(240_000)

const ground = new Ground()
afterAll(() => ground.end())

const operations = 1_000
const names = Array.from({ length: operations }, (_, index) => `person-${index}`)

const response = z.object({
  Operations: z.array(z.object({ status: z.string(), bulkId: z.string(), location: z.string().optional() })),
})

function createAll({ scimBaseUrl, key }: Program): Promise<Answer> {
  const body = {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: names.map((name) => ({ method: 'POST', path: '/Users', bulkId: name, data: newUser(name) })),
  }
  return ask(`${scimBaseUrl}/Bulk`, { token: key, body })
}

async function created({ postgres }: Program): Promise<Map<string, string>> {
  const rows = await rowsOf<{ id: string; name: string }>(
    postgres.url,
    `SELECT id, document ->> 'userName' AS name FROM gateway.scim_user WHERE document ->> 'userName' LIKE 'person-%'`,
  )
  return new Map(rows.map(({ id, name }) => [name, id]))
}

async function begun(program: Program): Promise<void> {
  await until('some users are there', async () => (await created(program)).size > 0)
}

/** Ids of users with a record that they were created within a bulk request, and with an event that they were. */
async function told({ postgres }: Program): Promise<{ recorded: string[]; provisioned: string[] }> {
  const recorded = await rowsOf<{ id: string }>(
    postgres.url,
    `SELECT payload::jsonb #>> '{subject,id}' AS id FROM event_log.event WHERE name = 'request.decided'
     AND payload::jsonb ->> 'outcome' = 'accepted' AND payload::jsonb ->> 'within' IS NOT NULL ORDER BY 1`,
  )
  const provisioned = await rowsOf<{ id: string }>(
    postgres.url,
    `SELECT subject AS id FROM event_log.event WHERE name = 'user.provisioned' ORDER BY 1`,
  )
  return { recorded: recorded.map(({ id }) => id), provisioned: provisioned.map(({ id }) => id) }
}

test('killed in the middle of a bulk request the program loses no record of what it did, and what is sent again completes it', async () => {
  const data = ground.folder()
  let program = await ground.start(data)
  const { port } = program
  const lost = createAll(program).catch(() => 'no answer')
  await begun(program)
  program.signal('SIGKILL')
  await program.exit
  expect(await lost).toBe('no answer')

  program = await ground.start(data, { LATCHKEY_PORT: port })
  const before = await created(program)
  expect(before.size).toBeGreaterThan(0)
  expect(before.size).toBeLessThan(operations)
  const ids = [...before.values()].sort()
  expect(await told(program)).toEqual({ recorded: ids, provisioned: ids })

  const again = await createAll(program)
  expect(again.status).toBe(200)
  const results = response.parse(again.body).Operations
  expect(results.map(({ bulkId, status }) => [bulkId, status])).toEqual(
    names.map((name) => [name, before.has(name) ? '409' : '201']),
  )
  const after = await created(program)
  expect([...after.keys()].sort()).toEqual([...names].sort())
  for (const [name, id] of before) expect(after.get(name)).toBe(id)
  expect(await told(program)).toEqual({ recorded: [...after.values()].sort(), provisioned: [...after.values()].sort() })
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})

test('when Postgres goes away in the middle what was done is answered as done, and all else is 503', async () => {
  const program = await ground.start(ground.folder())
  const answering = createAll(program)
  await begun(program)
  process.kill(program.postgres.pid, 'SIGKILL')
  const { status, body, headers } = await answering
  await until('Postgres is back', async () => (await createAll(program)).status === 200)
  const after = await created(program)
  expect([...after.keys()].sort()).toEqual([...names].sort())
  if (status === 503) expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  else {
    const results = response.parse(body).Operations
    expect(results.map(({ bulkId }) => bulkId)).toEqual(names)
    expect(results.filter((result) => !['201', '503'].includes(result.status))).toEqual([])
    for (const result of results) {
      if (result.status === '201') expect(result.location?.split('/').at(-1)).toBe(after.get(result.bulkId))
    }
  }
  const ids = [...after.values()].sort()
  await until('all is recorded', async () => (await told(program)).recorded.length >= operations)
  expect(await told(program)).toEqual({ recorded: ids, provisioned: ids })
  expect(await program.stop()).toEqual({ code: 0, signal: null })
})
