import fc from 'fast-check'
import { z } from 'zod'
import {
  environments,
  eventNames,
  eventSources,
  payloadSchemas,
  topicNames,
  topicOf,
  topics,
  topicsWith,
} from './index.ts'

const anyName = fc.constantFrom(...eventNames)
/** With whatever else there is in it, and whatever else is said of an environment. */
const anyPayload = fc.oneof(
  fc.record({ environment: fc.constantFrom(...environments) }),
  fc.record({ environment: fc.anything() }),
  fc.anything(),
)
const isOfSandboxes = (topic: string | undefined): boolean => topic?.startsWith('sandbox-') === true
const environmentOf = (payload: unknown): unknown =>
  typeof payload === 'object' && payload !== null ? Reflect.get(payload, 'environment') : undefined

describe('the topic of an event', () => {
  it('is one of those in which its name is looked for', () => {
    fc.assert(
      fc.property(anyName, anyPayload, (name, payload) => {
        expect(topicsWith(name)).toContain(topicOf({ name, payload }))
      }),
    )
  })

  it('is one of sandboxes for what a sandbox brought about, and never otherwise', () => {
    fc.assert(
      fc.property(anyName, anyPayload, (name, payload) => {
        const isSplit = topicsWith(name).length > 1
        const topic = topicOf({ name, payload })
        expect(isOfSandboxes(topic)).toBe(isSplit && environmentOf(payload) === 'sandbox')
      }),
    )
  })

  it('is the same for all events of one subject: its connection is of one environment for good', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...environments),
        fc.constantFrom('user', 'group', 'guard'),
        (environment, family) => {
          const ofFamily = eventNames.filter((name) => name.startsWith(`${family}.`))
          expect(new Set(ofFamily.map((name) => topicOf({ name, payload: { environment } }))).size).toBe(1)
        },
      ),
    )
  })

  it.each([
    ['user.provisioned', 'people', 'sandbox-people'],
    ['user.deprovisioned', 'people', 'sandbox-people'],
    ['group.members-changed', 'people', 'sandbox-people'],
    ['request.decided', 'requests', 'sandbox-requests'],
    ['guard.held', 'requests', 'sandbox-requests'],
    ['key-digest.renewed', 'requests', 'sandbox-requests'],
    ['connection.created', 'trust', 'trust'],
    ['key.minted', 'trust', 'trust'],
    ['detection.raised', 'detections', 'detections'],
  ])('%s is %s of live connections, and %s of sandboxes', (name, live, sandbox) => {
    expect(topicOf({ name, payload: { environment: 'live' } })).toBe(live)
    expect(topicOf({ name, payload: { environment: 'sandbox' } })).toBe(sandbox)
    expect(topicOf({ name, payload: { environment: null } })).toBe(live)
    expect(topicOf({ name, payload: {} })).toBe(live)
  })

  it('is none for a name of no family', () => {
    for (const name of ['device.enrolled', 'toString', '', 'log.marked']) {
      expect([topicOf({ name, payload: {} }), topicsWith(name)]).toEqual([undefined, []])
    }
  })
})

it('every payload that goes to a topic of its environment says which that is', () => {
  const split = eventNames.filter((name) => topicsWith(name).length > 1)
  expect(split).toContain('user.provisioned')
  for (const name of split) {
    const { shape }: z.ZodObject = payloadSchemas[name]
    expect([name, Object.keys(shape).includes('environment')]).toEqual([name, true])
  }
})

it('a topic of sandboxes has the families and publishers of the other one', () => {
  for (const topic of topicNames.filter(isOfSandboxes)) {
    expect(topics[topic]).toEqual(topics[topic.slice('sandbox-'.length) as typeof topic])
    for (const source of topics[topic].sources) expect(eventSources).toContain(source)
  }
})
