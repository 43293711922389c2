import { existsSync, readdirSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { jest } from '@jest/globals'
import { ask, create, Ground, lives, newUser, processesOf, type Program, until, users } from './running-program.ts'

jest.setTimeout(180_000)

const ground = new Ground()
afterAll(() => ground.end())

describe('stopping', () => {
  const data = ground.folder()
  const created: string[] = []
  let program: Program
  beforeAll(async () => {
    program = await ground.start(data)
  })
  afterAll(() => program.stop())

  // Each goes on with the program that the one before has started again.
  test.each([
    ['SIGINT', 'process'],
    ['SIGTERM', 'process'],
    ['SIGINT', 'group'],
    ['SIGHUP', 'group'],
  ] as const)('%s to the %s: what is in flight is answered, then all of it ends with code 0', async (name, to) => {
    created.push(`before-${name}-${to}`, `in-flight-${name}-${to}`)
    await create(program, `before-${name}-${to}`)
    const { pid } = program.postgres
    const inFlight = openCreate(program, `in-flight-${name}-${to}`)
    await until('the request has begun to arrive', () => inFlight.begun())
    program.signal(name, to)
    await until('no new connection is taken', () =>
      ask(`${program.url}/health/live`, { token: '' }).then(
        () => false,
        () => true,
      ),
    )
    program.signal(name, to)
    expect([program.hasEnded, lives(pid)]).toEqual([false, true])
    expect(await inFlight.finish()).toBe(201)
    expect(await program.exit).toEqual({ code: 0, signal: null })
    expect(lives(pid)).toBe(false)
    expect(program.stderr).toBe('')

    const { key } = program
    program = await ground.start(data)
    expect(await users(program)).toEqual(created.toSorted())
    expect(program.key).toBe(key)
  })

  test.each([0, 500])('Ctrl-C %i ms into a first start leaves nothing running', async (after) => {
    const data = ground.folder()
    const program = ground.launch(data)
    await until('it has begun', () => existsSync(data) || program.hasEnded)
    await new Promise((resolve) => setTimeout(resolve, after))
    program.signal('SIGINT', 'group')
    expect(await program.exit).toEqual({ code: 0, signal: null })
    expect(program.stderr).toBe('')
    expect(processesOf(data)).toEqual([])
    expect(readdirSync(data).filter((name) => /\.(new-.*|owner|\d+)$/.test(name))).toEqual([])
    const again = await ground.start(data)
    expect(await users(again)).toEqual([])
    await again.stop()
  })

  test.each([400, 600])('kill -9 %i ms into a first start, twice, does not keep it from starting', async (after) => {
    const data = ground.folder()
    for (const attempt of [1, 2]) {
      const program = ground.launch(data)
      await new Promise((resolve) => setTimeout(resolve, after * attempt))
      program.signal('SIGKILL')
      await program.exit
    }
    const program = await ground.start(data)
    expect(await create(program, 'ada')).toMatchObject({ status: 201 })
    expect(await program.stop()).toEqual({ code: 0, signal: null })
  })

  test('the end of Postgres just before the signal keeps nothing running', async () => {
    const data = ground.folder()
    const program = await ground.start(data)
    process.kill(program.postgres.pid, 'SIGKILL')
    await until('the end was seen', () => program.stderr.includes('Postgres has ended'))
    expect(await program.stop()).toEqual({ code: 0, signal: null })
    expect(processesOf(data)).toEqual([])
  })
})

test('a Postgres that a killed program left behind is taken over, with all it has', async () => {
  const data = ground.folder()
  const program = await ground.start(data)
  await create(program, 'ada')
  const { pid } = program.postgres
  program.signal('SIGKILL')
  await program.exit
  expect(lives(pid)).toBe(true)
  const again = await ground.start(data, { LATCHKEY_PORT: program.port })
  expect(again.postgres.pid).toBe(pid)
  expect([again.key, again.scimBaseUrl]).toEqual([program.key, program.scimBaseUrl])
  expect(await users(again)).toEqual(['ada'])
  await again.stop()
  expect(lives(pid)).toBe(false)
})

/** A create whose body stops half way, until `finish`. */
function openCreate({ scimBaseUrl, key }: Program, userName: string): { begun(): boolean; finish(): Promise<number> } {
  const body = JSON.stringify(newUser(userName))
  const request = httpRequest(`${scimBaseUrl}/Users`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/scim+json',
      'content-length': Buffer.byteLength(body),
      expect: '100-continue',
    },
  })
  let begun = false
  const answered = new Promise<number>((resolve, reject) => {
    request.on('response', (response) => resolve(response.resume().statusCode ?? 0))
    request.on('error', reject)
  })
  request.on('continue', () => {
    request.write(body.slice(0, 20))
    begun = true
  })
  request.flushHeaders()
  return {
    begun: () => begun,
    finish: () => {
      request.end(body.slice(20))
      return answered
    },
  }
}
