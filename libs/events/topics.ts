import type { EventFamily } from './names.ts'
import type { EventSource } from './sources.ts'

interface PublishedHere {
  readonly families: readonly EventFamily[]
  /** Who publishes there. */
  readonly sources: readonly EventSource[]
  /** Those whose marks tell how far the topic is complete. Of another source's events nobody asks that: it makes no marks, and its absence holds up no proof. */
  readonly awaited: readonly EventSource[]
}

/** Where events are published: one topic for what belongs together, so that who follows people need not read past requests. */
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
  people: { families: ['user', 'group'], sources: ['gateway'], awaited: ['gateway'] },
  // Digests are not with the keys that they are of: what the gateway goes by there has one publisher, whose marks prove that it is complete.
  requests: {
    families: ['request', 'key-digest', 'guard'],
    sources: ['gateway', 'keys', 'directory', 'audit'],
    awaited: ['gateway', 'keys'],
  },
  detections: { families: ['detection'], sources: ['audit'], awaited: ['audit'] },
} as const satisfies Record<string, PublishedHere>

export type Topic = keyof typeof topics

export const topicNames = Object.keys(topics) as readonly Topic[]

const topicOfFamily = new Map(
  topicNames.flatMap((topic) => topics[topic].families.map((family): [string, Topic] => [family, topic])),
)

/** Undefined for a name of no family. */
export function topicOf(name: string): Topic | undefined {
  return topicOfFamily.get(name.slice(0, name.indexOf('.')))
}
