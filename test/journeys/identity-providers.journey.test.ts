import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import type { IdentityProvider } from '#libs/events/index'
import { conversations, type Step } from '../idp/conversations.ts'
import { type Answer, type Connection, eventually, enterWorld, versionOf, type World } from '../world.ts'
import type { LoggedEvent } from '../logged-events.ts'

interface Row {
  readonly idp: string
  readonly name: string
  readonly method: string
  readonly path: string
  readonly headers?: Record<string, string>
  readonly body?: unknown
}

const file = new URL('../../../test/idp/requests.json', import.meta.url)
const recorded: Row[] = JSON.parse(readFileSync(file, 'utf8'))
const rows = new Map(recorded.map((row) => [`${row.idp}: ${row.name}`, row]))

let world: World
beforeAll(async () => {
  world = await enterWorld()
})
afterAll(() => world.stop())

test('every recorded request is part of a conversation', () => {
  const spoken = Object.values(conversations).flatMap((steps) => steps.flatMap(({ row }) => row ?? []))
  expect([...new Set(spoken)].sort()).toEqual([...rows.keys()].sort())
})

describe.each(Object.entries(conversations) as [IdentityProvider, readonly Step[]][])('%s', (name, steps) => {
  const ids = new Map<string, string>([
    ['random-guid', '6f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0a'],
    ['nonexistent', 'nobody'],
    ['mid', '0f1ed3a5-2d6c-4d67-b4ba-2b5ba0dd7c0b'],
  ])
  const traces = new Map<Step, string>()
  let connection: Connection
  let told = 0

  beforeAll(async () => {
    connection = await world.connection(name)
    ids.set('base', connection.scimBaseUrl)
  })

  test.each(
    steps.map((step, at) => [`${at + 1}. ${step.row ?? `${step.own?.method} ${step.own?.path}`}`, step] as const),
  )('%s leaves the state, the directory and the events that it should', async (_label, step) => {
    const { method, path, answer } = await send(step)
    expect({ status: answer.status, body: answer.body }).toEqual({
      status: step.status,
      body: step.status === 204 ? undefined : expect.anything(),
    })
    for (const as of step.as ?? []) ids.set(as, answer.body.id)
    expect(await newEvents()).toEqual(filled(step.events ?? []))
    if (step.found !== undefined) return expectList(answer, step.found)
    if (step.scim === undefined && method !== 'DELETE') return
    const place = method === 'POST' ? `${path}/${answer.body.id}` : path
    if (method === 'DELETE') return expectGone(place)
    await expectState(step, place, answer.body)
  })

  test('its records tell the dialect of each request, what it deviated in, why and what to do about it', async () => {
    const wanted = steps.map((step) => ({
      step: step.row ?? step.own?.path,
      dialect: step.dialect ?? name,
      deviations: step.deviations ?? [],
    }))
    const records = await eventually(
      () => world.audit({ connection: connection.id }),
      (read) => [...traces.values()].every((trace) => read.some(({ traceId }) => traceId === trace)),
    )
    const recorded = steps.map((step) => records.find(({ traceId }) => traceId === traces.get(step)))
    expect(
      recorded.map(({ dialect, deviations }, index) => ({
        step: wanted[index]?.step,
        dialect,
        deviations: deviations.map(({ code }: { code: string }) => code),
      })),
    ).toEqual(wanted)
    for (const deviation of recorded.flatMap(({ deviations }) => deviations)) {
      expect(deviation).toMatchObject({
        pointer: expect.any(String),
        cause: expect.any(String),
        fix: expect.any(String),
      })
    }
  })

  async function send(step: Step): Promise<{ method: string; path: string; answer: Answer }> {
    const row = step.own ?? rows.get(step.row ?? '')
    if (row === undefined) throw new Error(`nothing was recorded as ${step.row}`)
    const { 'Content-Type': contentType = 'application/scim+json', Authorization: _, ...headers } = headersOf(row)
    const body = step.body ?? ('body' in row ? row.body : undefined)
    const ask = (what: unknown): string => {
      const text = Object.entries(step.instead ?? {}).reduce(
        (held, [from, to]) => held.replaceAll(from, to),
        String(what),
      )
      return filled([text])[0] ?? ''
    }
    const address = ask(row.path)
    const trace = randomBytes(16).toString('hex')
    traces.set(step, trace)
    const answer = await world.scim(connection)(
      row.method,
      address,
      body === undefined ? undefined : ask(JSON.stringify(body)),
      {
        ...headers,
        'content-type': contentType,
        traceparent: `00-${trace}-${randomBytes(8).toString('hex')}-01`,
      },
    )
    return { method: row.method, path: address.split('?')[0] ?? '', answer }
  }

  /** Lifecycle events since the last step; those of one subject count its versions without a gap. */
  async function newEvents(): Promise<string[]> {
    const all = (await world.events(connection.id)).filter(({ name: event }) => /^(user|group)\./.test(event))
    expectContiguous(all)
    const fresh = all.slice(told)
    told = all.length
    return fresh.map(({ name: event, subject }) => `${event} ${subject}`)
  }

  function expectList({ body }: Answer, found: readonly string[]): void {
    expect(body).toMatchObject({ totalResults: found.length, startIndex: 1, itemsPerPage: found.length })
    expect((body.Resources ?? []).map(({ id }: { id: string }) => id)).toEqual(filled(found))
  }

  async function expectGone(path: string): Promise<void> {
    expect((await world.scim(connection)('GET', path)).status).toBe(404)
    await eventually(
      () => world.directory(directoryPath(path)),
      ({ status }) => status === 404,
    )
  }

  async function expectState(step: Step, path: string, answered: { id: string; meta: object }): Promise<void> {
    const { status, body } = await world.scim(connection)('GET', path)
    expect(status).toBe(200)
    const { id, meta, ...resource } = body
    expect(resource).toEqual(filledIn(step.scim))
    expect(answered).toEqual({ id, meta, ...filledIn(step.answered ?? step.scim) })
    const version = versionOf({ meta })
    const wanted = { connection: connection.id, tenant: connection.tenant, version, ...filledIn(step.directory) }
    const { body: known } = await eventually(
      () => world.directory(directoryPath(path)),
      (read) =>
        read.status === 200 &&
        (read.body.version > version || isDeepStrictEqual(read.body, { ...read.body, ...wanted })),
    )
    expect(known).toMatchObject(wanted)
  }

  function directoryPath(path: string): string {
    return `/${connection.id}${path.toLowerCase()}`
  }

  function filledIn(expected: object | undefined): object {
    return JSON.parse(filled([JSON.stringify(expected)])[0] ?? '')
  }

  function filled(texts: readonly string[]): string[] {
    return texts.map((text) => text.replaceAll(/\{([a-z0-9-]+)\}/g, (whole, key) => ids.get(key) ?? whole))
  }
})

function headersOf(row: Row | { path: string }): Record<string, string> {
  return 'headers' in row && row.headers !== undefined ? row.headers : {}
}

function expectContiguous(events: readonly LoggedEvent[]): void {
  const last = new Map<string, number>()
  for (const { subject, version } of events) {
    expect(version).toBe((last.get(subject) ?? 0) + 1)
    last.set(subject, version)
  }
}
