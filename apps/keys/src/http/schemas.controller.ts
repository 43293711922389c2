import { isDeepStrictEqual } from 'node:util'
import { Body, Delete, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, type AdminCall, Call, stateOf, type Written } from '#libs/admin/index'
import type { ConnectionSchema } from '#libs/events/index'
import { parse, problems } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { breaksOf, readSchema, type Schema, type SchemaFault } from '#libs/scim/index'
import { type Connection, connectionChanged } from '../connection.ts'
import { clashWithin, mostSchemas, ownSchema, withChangedSchema, withoutSchema, withSchema } from '../own-schemas.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import * as connections from '../store/connections.ts'
import { hasHadKeys } from '../store/keys.ts'
import { schemasInUse } from '../store/schema-uses.ts'
import { aboutSchema, schemaAnswer, schemaTag } from './answers.ts'
import { connectionOf } from './connections.controller.ts'
import { Writes } from './writes.ts'

const resourceType = z.enum(['User', 'Group'], 'is neither User nor Group')
const required = z.stringbool({ truthy: ['true'], falsy: ['false'], error: 'is neither true nor false' })
export const whatItExtends = z.object({ resourceType: resourceType.default('User'), required: required.default(false) })
export const whatChanges = z.object({ resourceType: resourceType.optional(), required: required.optional() })

/** Extension schemas of a connection's own, as SCIM Schema documents (RFC 7643 section 7). */
@AdminApi('connections/:connection/schemas')
export class SchemasController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  @Post()
  @HttpCode(201)
  async create(
    @Call() call: AdminCall,
    @Param('connection') id: string,
    @Query() query: unknown,
    @Body() body: unknown,
  ) {
    const added: ConnectionSchema = { ...parse(whatItExtends, query), document: documentIn(body) }
    const { id: urn } = added.document
    return this.#change(call, id, async (connection) => {
      if (ownSchema(connection, urn) !== undefined) {
        throw problems.conflict(`The connection has a schema ${urn} already. Change it with PUT.`)
      }
      if (connection.schemas.length >= mostSchemas) throw tooMany()
      refuseClash(connection, added)
      return { after: withSchema(connection, added), schema: added, inUse: false }
    })
  }

  @Get()
  async list(@Call() call: AdminCall, @Param('connection') id: string) {
    const connection = await connectionOf(this.#parts, call, id)
    const used = await schemasInUse(this.#parts.entities.manager, id)
    return { items: connection.schemas.map((schema) => schemaAnswer(schema, used.has(schema.document.id))) }
  }

  @Get(':urn')
  async read(@Call() call: AdminCall, @Param('connection') id: string, @Param('urn') urn: string) {
    const schema = found(await connectionOf(this.#parts, call, id), urn)
    const used = await schemasInUse(this.#parts.entities.manager, id)
    const inUse = used.has(schema.document.id)
    call.tag = schemaTag(schema, inUse)
    return schemaAnswer(schema, inUse)
  }

  /** The schema becomes this one. What is in use may only become wider. */
  @Put(':urn')
  async update(
    @Call() call: AdminCall,
    @Param('connection') id: string,
    @Param('urn') urn: string,
    @Query() query: unknown,
    @Body() body: unknown,
  ) {
    const wanted = parse(whatChanges, query)
    const document = documentIn(body)
    const of = await connectionOf(this.#parts, call, id)
    const known = ownSchema(of, urn)
    const mayBreak = known !== undefined && breaksOf(known, { ...known, ...wanted, document }).length > 0
    if (mayBreak) await this.#hearOfUses(call, of)
    return this.#change(call, id, async (connection, manager) => {
      const before = found(connection, urn)
      call.requireUnchanged(stateOf(before))
      if (document.id !== before.document.id) {
        const message = `is not ${before.document.id}, which the address names: send that, or add another schema by POST`
        throw problems.invalid([{ path: ['id'], message }])
      }
      const schema: ConnectionSchema = { ...before, ...wanted, document }
      refuseClash(connection, schema)
      const breaks = breaksOf(before, schema)
      const inUse = (await schemasInUse(manager, id)).has(document.id)
      if (inUse && breaks.length > 0) {
        throw problems.conflict(
          `The schema ${document.id} is in use: resources have values of it. It can be made wider, and errors lists what is not. Add what differs under another name.`,
          breaks.map(issueOf),
        )
      }
      if (breaks.length > 0 && !mayBreak) throw changedMeanwhile()
      const after = isDeepStrictEqual(before, schema) ? connection : withChangedSchema(connection, schema)
      return { after, schema, inUse }
    })
  }

  @Delete(':urn')
  @HttpCode(204)
  async remove(@Call() call: AdminCall, @Param('connection') id: string, @Param('urn') urn: string): Promise<void> {
    const of = await connectionOf(this.#parts, call, id)
    // One that is not there can be in no use, and may have been removed by this very request.
    if (ownSchema(of, urn) !== undefined) await this.#hearOfUses(call, of)
    await this.#change(call, id, async (connection, manager) => {
      const schema = found(connection, urn)
      call.requireUnchanged(stateOf(schema))
      if ((await schemasInUse(manager, id)).has(schema.document.id)) {
        throw problems.conflict(
          `The schema ${schema.document.id} is in use: resources have values of it. Leave it; an attribute that nobody sends any more does no harm.`,
        )
      }
      return { after: withoutSchema(connection, schema), schema, inUse: false }
    })
  }

  /** Changes the schemas of a connection, which nobody else does meanwhile. An unchanged connection is told to nobody. */
  async #change(
    call: AdminCall,
    id: string,
    work: (
      connection: Connection,
      manager: EntityManager,
    ) => Promise<{ readonly after: Connection; readonly schema: ConnectionSchema; readonly inUse: boolean }>,
  ) {
    const { tenant } = await connectionOf(this.#parts, call, id)
    type Body = ReturnType<typeof schemaAnswer>
    const written = await this.#writes.run<Body>(call, tenant, async (manager, now): Promise<Written<Body>> => {
      const before = await connections.lockConnection(manager, id)
      if (before === undefined) throw problems.notFound('connection', id)
      const { after, schema, inUse } = await work(before, manager)
      const isThere = ownSchema(after, schema.document.id) !== undefined
      const shown = { ...(isThere ? { tag: schemaTag(schema, inUse) } : {}), body: schemaAnswer(schema, inUse) }
      const answer = { about: aboutSchema(after, schema), ...shown }
      if (after === before) return { ...answer, events: [] }
      await connections.updateConnection(manager, after)
      const changed = ['schemas']
      return { ...answer, events: [connectionChanged(after, changed, now, call.traceparent)], changed }
    })
    return written.body
  }

  /**
   * Waits until every request that was decided before now has been heard of, so that what none of them used is not in use. A
   * connection that has never had a key has had no request. Throws Problem `unavailable` when that takes too long.
   */
  async #hearOfUses(call: AdminCall, { id, tenant }: Connection): Promise<void> {
    if (!(await hasHadKeys(this.#parts.entities.manager, id))) return
    await this.#writes.hearOfUses(call, tenant, 'Whether the schema is in use')
  }
}

function documentIn(body: unknown): Schema {
  const read = readSchema(body)
  if ('faults' in read) throw problems.invalid(read.faults.map(issueOf))
  return read.schema
}

function issueOf({ path, cause, fix }: SchemaFault) {
  return { path, message: `${cause}: ${fix}` }
}

function found(connection: Connection, urn: string): ConnectionSchema {
  const schema = ownSchema(connection, urn)
  if (schema === undefined) throw problems.notFound('schema', urn)
  return schema
}

function refuseClash(connection: Connection, schema: ConnectionSchema): void {
  const clash = clashWithin(connection, schema)
  if (clash !== undefined) throw problems.conflict(`The schema does not go with others: ${clash}. Choose another URN.`)
}

function changedMeanwhile() {
  return problems.conflict(
    'The schema was changed by somebody else at the same time. Read it again, and send your change.',
  )
}

function tooMany() {
  return problems.conflict(
    `The connection has ${mostSchemas} schemas of its own, and more are not kept. Add the attributes to one of them.`,
  )
}
