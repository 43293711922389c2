import { Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { z } from 'zod'
import { type About, aboutNothing, AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { pageOf, pagingByAge, pagingQuery, parse, problems } from '#libs/http/index'
import { DELETED_RECORDS, type DeletedRecord, type DeletedRecords, type Restored } from '../deleted.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import type { KnownConnection } from '../principal.ts'
import { text } from '../record.ts'
import { KnownTrust } from '../store/known-trust.ts'
import { Writes } from './writes.ts'

export const deletedQuery = pagingQuery.extend({
  name: z
    .string()
    .min(1)
    .max(400, 'is longer than 400 characters')
    .regex(/^\P{Cc}*$/u, 'must not hold control characters')
    .optional(),
})

/** What was deleted in a connection, and bringing it back, for whose admin token opens it. */
@AdminApi('connections/:connection/deleted')
export class DeletedController {
  readonly #parts: GatewayParts
  readonly #trust: KnownTrust
  readonly #deleted: DeletedRecords
  readonly #writes: Writes

  constructor(
    @Inject(GATEWAY_PARTS) parts: GatewayParts,
    trust: KnownTrust,
    @Inject(DELETED_RECORDS) deleted: DeletedRecords,
    writes: Writes,
  ) {
    this.#writes = writes
    this.#parts = parts
    this.#trust = trust
    this.#deleted = deleted
  }

  /** What was deleted last comes first. */
  @Get()
  async list(@Call() call: AdminCall, @Param('connection') id: string, @Query() query: unknown) {
    const page = pagingByAge(query)
    const { name } = parse(deletedQuery, query)
    const connection = await this.#connection(call, id)
    const found = await this.#deleted.list(connection.connection, { ...page, name })
    return pageOf(
      found,
      page,
      (record) => [record.deletedAt.toISOString(), record.id],
      (record) => this.#answer(record),
    )
  }

  /** Restoring what stands already changes nothing: the request may be sent again when its answer was lost. */
  @Post(':id/restore')
  @HttpCode(200)
  async restore(@Call() call: AdminCall, @Param('connection') connectionId: string, @Param('id') id: string) {
    const scope = await this.#connection(call, connectionId)
    const occasion = { time: call.receivedAt, traceparent: call.traceparent }
    const { body } = await this.#writes.run(call, scope.tenant, async (transaction) => {
      const restoration = await this.#deleted.restore(transaction, { scope, id, occasion })
      switch (restoration.outcome) {
        case 'restored': {
          const { kind, events } = restoration.restored
          return { about: aboutRecord(scope, kind, id), events, body: restoredAnswer(restoration.restored) }
        }
        case 'standing': {
          const { standing } = restoration
          return { about: aboutRecord(scope, standing.kind, id), events: [], body: restoredAnswer(standing) }
        }
        case 'name taken':
          call.about = aboutRecord(scope, 'User', id)
          throw problems.conflict(
            `Another user${restoration.by === undefined ? '' : `, ${restoration.by},`} has been given this user's userName since. Rename or delete that one, then restore this one.`,
          )
        case 'unknown':
          throw problems.notFound('deleted user or group', id)
      }
    })
    return body
  }

  async #connection(call: AdminCall, id: string): Promise<KnownConnection> {
    const connection = await this.#trust.connection(id)
    if (connection === undefined) throw problems.notFound('connection', id)
    call.about = aboutConnection(connection)
    return connection
  }

  #answer({ id, kind, version, created, deletedAt, document }: DeletedRecord) {
    return {
      id,
      kind,
      name: nameOf(kind, document),
      externalId: text(document['externalId']) ?? null,
      version,
      createdAt: created.toISOString(),
      deletedAt: deletedAt.toISOString(),
      restorableUntil: new Date(deletedAt.getTime() + this.#parts.deletedRetention).toISOString(),
    }
  }
}

function restoredAnswer({ id, kind, version, created, document }: Omit<Restored, 'events'>) {
  return { id, kind, name: nameOf(kind, document), version, createdAt: created.toISOString() }
}

function nameOf(kind: 'User' | 'Group', document: DeletedRecord['document']): string {
  return text(document[kind === 'User' ? 'userName' : 'displayName']) ?? ''
}

function aboutConnection({ tenant, connection, environment, identityProvider }: KnownConnection): About {
  return { ...aboutNothing, tenant, connection, environment, identityProvider }
}

function aboutRecord(connection: KnownConnection, kind: string, id: string): About {
  return { ...aboutConnection(connection), subject: { kind, id } }
}
