import type { EventFamily } from './names.ts'
import type { EventSource } from './sources.ts'

interface PublishedHere {
  readonly families: readonly EventFamily[]
  /** Who publishes there. */
  readonly sources: readonly EventSource[]
  /** Those whose marks tell how far the topic is complete. Of another source's events nobody asks that: it makes no marks, and its absence holds up no proof. */
  readonly awaited: readonly EventSource[]
}

const people = { families: ['user', 'group'], sources: ['gateway'], awaited: ['gateway'] } as const
// Digests are not with the keys that they are of: what the gateway goes by there has one publisher, whose marks prove that it is complete.
const requests = {
  families: ['request', 'key-digest', 'guard'],
  sources: ['gateway', 'keys', 'directory', 'audit'],
  awaited: ['gateway', 'keys'],
} as const

/**
 * Where events are published: one topic for what belongs together, so that who follows people need not read past requests. What connections bring
 * about has a topic for each environment. Keys, connections and detections have one for both: no request puts anything there. The services do, which
 * tell what they know of all connections, also that a key of a sandbox was used for the first time.
 */
export const topics = {
  trust: {
    families: [
      'tenant',
      'connection',
      'key',
      'rotation',
      'rotation-policy',
      'data-key',
      'admin-token',
      'admin-token-digest',
    ],
    sources: ['keys'],
    awaited: ['keys'],
  },
  people,
  requests,
  'sandbox-people': people,
  'sandbox-requests': requests,
  detections: { families: ['detection'], sources: ['audit'], awaited: ['audit'] },
} as const satisfies Record<string, PublishedHere>

export type Topic = keyof typeof topics

export const topicNames = Object.keys(topics) as readonly Topic[]

export function isTopic(name: string): name is Topic {
  return Object.hasOwn(topics, name)
}

/** For a topic that live connections have to themselves, that of sandboxes. */
const ofSandboxes: Partial<Record<Topic, Topic>> = { people: 'sandbox-people', requests: 'sandbox-requests' }

/** Those of live connections, or of all, first. */
const topicsOfFamily = new Map<string, Topic[]>()
for (const topic of topicNames) {
  for (const family of topics[topic].families) {
    topicsOfFamily.set(family, [...(topicsOfFamily.get(family) ?? []), topic])
  }
}

/** All in which there can be events of this name; none for a name of no family. */
export function topicsWith(name: string): readonly Topic[] {
  return topicsOfFamily.get(name.slice(0, name.indexOf('.'))) ?? []
}

/**
 * Where this event is published. One that tells of no environment, as of a request whose connection is not known, is with the live ones. Undefined for
 * a name of no family.
 */
export function topicOf({ name, payload }: { readonly name: string; readonly payload: unknown }): Topic | undefined {
  const [usual] = topicsWith(name)
  const isOfSandbox =
    typeof payload === 'object' && payload !== null && Reflect.get(payload, 'environment') === 'sandbox'
  return (isOfSandbox && usual !== undefined ? ofSandboxes[usual] : undefined) ?? usual
}
