import type { ConnectionSchema } from '#libs/events/index'
import { schemaClash } from '#libs/scim/index'
import type { Connection } from './connection.ts'

/** Schemas of a connection's own at the most: all of them travel in each event of the connection. */
export const mostSchemas = 8

/** The connection's own schema of that URN, in any letter case. */
export function ownSchema({ schemas }: Connection, urn: string): ConnectionSchema | undefined {
  return schemas.find(({ document }) => document.id.toLowerCase() === urn.toLowerCase())
}

/** Why the schema cannot stand beside the others of the connection; undefined when it can. */
export function clashWithin({ schemas }: Connection, { document }: ConnectionSchema): string | undefined {
  return schemaClash(
    document,
    schemas.filter((one) => one.document.id !== document.id).map((one) => one.document),
  )
}

export function withSchema(connection: Connection, added: ConnectionSchema): Connection {
  return { ...connection, schemas: [...connection.schemas, added], version: connection.version + 1 }
}

/** With this schema in the place of the one of its URN. */
export function withChangedSchema(connection: Connection, changed: ConnectionSchema): Connection {
  const schemas = connection.schemas.map((one) => (one.document.id === changed.document.id ? changed : one))
  return { ...connection, schemas, version: connection.version + 1 }
}

export function withoutSchema(connection: Connection, { document: { id } }: ConnectionSchema): Connection {
  const schemas = connection.schemas.filter((one) => one.document.id !== id)
  return { ...connection, schemas, version: connection.version + 1 }
}
