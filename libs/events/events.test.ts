import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type EventPattern, hears, makeEvent, newId, readEvent, toCloudEvent, UnreadableEvent } from './index.ts'
import { rewriteCommand, schemaFiles, schemaFolder } from './write-schemas.ts'

describe('ids', () => {
  it('are UUIDs of version 7 that hold their time', () => {
    const now = Date.now() + 60_000
    const id = newId(now)
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(now)
  })

  it('sort in the order in which they were made, and are all different, also when the clock goes back', () => {
    const start = Date.now() + 120_000
    const times = [start, start + 1, start - 5_000, start + 2]
    const ids = times.flatMap((time) => Array.from({ length: 6_000 }, () => newId(time)))
    expect(ids.toSorted()).toEqual(ids)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of ids) expect(id[14]).toBe('7')
  })
})

describe('reading an event', () => {
  const event = makeEvent(
    'tenant.created',
    { source: 'keys', subject: 't1', owner: '', version: 1, time: new Date(0) },
    { tenant: 't1', name: 'Acme' },
  )

  it('gives back what was made', () => {
    expect(readEvent(structuredClone(event))).toEqual(event)
  })

  it('passes over properties that it does not know', () => {
    expect(readEvent({ ...event, payload: { ...event.payload, later: true } })).toEqual(event)
  })

  it('refuses a payload that does not fit, naming the place and not the value', () => {
    const read = () => readEvent({ ...event, payload: { tenant: 't1', name: { secret: 'hunter2' } } })
    expect(read).toThrow(UnreadableEvent)
    expect(read).toThrow('payload of tenant.created does not fit its schema: /name invalid_type')
    expect(read).not.toThrow(/hunter2/)
  })

  it.each(['tenant.renamed', 'toString', ''])('refuses the unknown name %j', (name) => {
    expect(() => readEvent({ ...event, name })).toThrow(UnreadableEvent)
  })
})

it('a connection whose event knows of no settings has the usual ones and no schema of its own', () => {
  const old = {
    tenant: 't1',
    connection: 'c1',
    name: 'HR',
    environment: 'live',
    identityProvider: 'okta',
    state: 'enabled',
  }
  const origin = { id: 'e', source: 'keys', subject: 'c1', key: 't1/c1', version: 1, time: '', traceparent: undefined }
  const read = readEvent({ ...origin, source: 'keys', name: 'connection.created', payload: old })
  const settings = { patchAnswer: 'resource', mode: 'live', conflicts: 'reject', adoptBy: ['userName'] }
  const guard = { guard: 'auto', guardMost: 50, guardPercent: 10, guardMinutes: 60 }
  expect(read.payload).toEqual({ ...old, settings: { ...settings, ...guard }, schemas: [] })
})

it.each<[EventPattern, 'user.changed', boolean]>([
  ['user.changed', 'user.changed', true],
  ['user.*', 'user.changed', true],
  ['user.provisioned', 'user.changed', false],
  ['group.*', 'user.changed', false],
])('the pattern %s hears %s: %p', (pattern, name, heard) => {
  expect(hears(pattern, name)).toBe(heard)
})

it('an event in the form of CloudEvents carries its key, version and trace', () => {
  const origin = {
    source: 'keys',
    subject: 'k1',
    owner: 'c1',
    version: 3,
    time: new Date(0),
    traceparent: '00-a-b-01',
  } as const
  const event = makeEvent('tenant.deleted', origin, { tenant: 't1' })
  expect(toCloudEvent(event)).toEqual({
    specversion: '1.0',
    id: event.id,
    type: 'tenant.deleted',
    source: '/latchkey/keys',
    subject: 'k1',
    time: '1970-01-01T00:00:00.000Z',
    datacontenttype: 'application/json',
    dataschema: 'urn:latchkey:event:tenant.deleted:1',
    partitionkey: 'c1/k1',
    sequence: '3',
    traceparent: '00-a-b-01',
    data: { tenant: 't1' },
  })
})

it(`the schemas in docs/events are those of the events; rewrite them with: ${rewriteCommand}`, async () => {
  const present = (await readdir(schemaFolder)).filter((name) => name.endsWith('.schema.json'))
  const written = await Promise.all(present.map((name) => readFile(join(schemaFolder, name), 'utf8')))
  const stale = new Map(present.map((name, index) => [name, written[index]]))
  expect(Object.fromEntries(stale)).toEqual(Object.fromEntries(schemaFiles()))
})
