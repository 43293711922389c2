import type { Event } from '#libs/events/index'
import { resourceTypes } from '#libs/scim/index'

/** That a request has set a value of a schema in a connection. */
export interface SchemaUse {
  readonly connection: string
  /** URN. */
  readonly schema: string
}

const standard = new Set(resourceTypes.User.extensions.map(({ schema }) => schema.id))

/** The schemas of an operator's own that requests have written values of, each once. What was only rehearsed counts for nothing. */
export function schemaUses(requests: readonly Event<'request.decided'>[]): SchemaUse[] {
  const uses = new Map<string, SchemaUse>()
  for (const { payload } of requests) {
    const { connection, surface, dryRun, changed } = payload
    if (connection === null || surface !== 'scim' || dryRun !== undefined) continue
    for (const name of changed) {
      // An attribute of an extension is told as "URN:attribute"; no attribute's name has a colon.
      const end = name.lastIndexOf(':')
      if (end < 0) continue
      const schema = name.slice(0, end)
      if (!standard.has(schema)) uses.set(`${connection} ${schema}`, { connection, schema })
    }
  }
  return [...uses.values()]
}
