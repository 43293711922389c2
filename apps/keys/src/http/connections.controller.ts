import { Body, Get, HttpCode, Inject, Param, Patch, Post, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, aboutNothing, type AdminCall, Call } from '#libs/admin/index'
import { connectionSettings, connectionSettingsChange, environments, identityProviders } from '#libs/events/index'
import { pageOf, pagingByAge, type Paging, parse, problems } from '#libs/http/index'
import { isUniqueViolation } from '#libs/postgres/index'
import {
  change,
  type Connection,
  connectionChanged,
  connectionCreated,
  type ConnectionChange,
  newConnectionId,
} from '../connection.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import * as connections from '../store/connections.ts'
import { lookAtOnce } from '../store/looks.ts'
import { findTenant } from '../store/tenants.ts'
import { aboutConnection, aboutTenant, connectionAnswer } from './answers.ts'
import { nameRule } from './rules.ts'
import { Writes } from './writes.ts'

const newConnection = z.strictObject({
  name: nameRule,
  environment: z.enum(environments).default('sandbox'),
  identityProvider: z.enum(identityProviders).default('other'),
  settings: connectionSettingsChange.default({}),
})
const connectionChange = z.strictObject({
  name: nameRule.optional(),
  identityProvider: z.enum(identityProviders).optional(),
  state: z.enum(['enabled', 'disabled']).optional(),
  settings: connectionSettingsChange.optional(),
  environment: z
    .undefined(
      'never changes: what live and sandbox hold must not meet; make another connection for the other environment',
    )
    .optional(),
})

@AdminApi('')
export class ConnectionsController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  @Post('tenants/:tenant/connections')
  @HttpCode(201)
  async create(@Call() call: AdminCall, @Param('tenant') tenant: string, @Body() body: unknown) {
    const wanted = parse(newConnection, body)
    const written = await this.#writes.run(call, tenant, async (manager, now) => {
      if (!(await connections.holdTenant(manager, tenant))) throw problems.notFound('tenant', tenant)
      const connection: Connection = {
        ...wanted,
        id: newConnectionId(),
        tenant,
        state: 'enabled',
        settings: connectionSettings.parse(wanted.settings),
        schemas: [],
        version: 1,
        createdAt: now,
      }
      await connections.insertConnection(manager, connection).catch((error: unknown) => failNamed(error, wanted.name))
      const events = [connectionCreated(connection, call.traceparent)]
      return { about: aboutConnection(connection), events, body: this.#answer(connection) }
    })
    return written.body
  }

  @Get('tenants/:tenant/connections')
  async listOfTenant(@Call() call: AdminCall, @Param('tenant') id: string, @Query() query: unknown) {
    const page = pagingByAge(query)
    const tenant = await findTenant(this.#parts.entities.manager, id)
    if (tenant === undefined) throw problems.notFound('tenant', id)
    call.about = { ...aboutNothing, ...aboutTenant(tenant) }
    return this.#page(page, id)
  }

  @Get('connections')
  async list(@Query() query: unknown) {
    return this.#page(pagingByAge(query), undefined)
  }

  @Get('connections/:connection')
  async read(@Call() call: AdminCall, @Param('connection') id: string) {
    const connection = await connections.findConnection(this.#parts.entities.manager, id)
    if (connection === undefined) throw problems.notFound('connection', id)
    call.about = { ...aboutNothing, ...aboutConnection(connection) }
    return this.#answer(connection)
  }

  @Patch('connections/:connection')
  update(@Call() call: AdminCall, @Param('connection') id: string, @Body() body: unknown) {
    const { environment: _, ...wanted } = parse(connectionChange, body)
    return this.#change(call, id, wanted)
  }

  @Post('connections/:connection/disable')
  @HttpCode(200)
  disable(@Call() call: AdminCall, @Param('connection') id: string) {
    return this.#change(call, id, { state: 'disabled' })
  }

  async #change(call: AdminCall, id: string, wanted: ConnectionChange) {
    const tenant = await tenantOf(this.#parts, call, id)
    const written = await this.#writes.run(call, tenant, async (manager, now) => {
      const before = await connections.lockConnection(manager, id)
      if (before === undefined) throw problems.notFound('connection', id)
      const { after, changed } = change(before, wanted)
      if (changed.length === 0) return { about: aboutConnection(before), events: [], body: this.#answer(before) }
      await connections.updateConnection(manager, after).catch((error: unknown) => failNamed(error, after.name))
      if (changed.includes('state')) await lookAtOnce(manager, id)
      const events = [connectionChanged(after, changed, now, call.traceparent)]
      return { about: aboutConnection(after), events, changed, body: this.#answer(after) }
    })
    return written.body
  }

  async #page(page: Paging, tenant: string | undefined) {
    const found = await connections.listConnections(this.#parts.entities.manager, page, tenant)
    return pageOf(
      found,
      page,
      ({ createdAt, id }) => [createdAt.toISOString(), id],
      (connection) => this.#answer(connection),
    )
  }

  #answer(connection: Connection) {
    return connectionAnswer(connection, this.#parts.publicUrl)
  }
}

/** The tenant of a connection, for who asks by the connection alone. Throws Problem `notFound`. */
export async function tenantOf(parts: KeysParts, call: AdminCall, id: string): Promise<string> {
  return (await connectionOf(parts, call, id)).tenant
}

/** The connection that a call is about. Throws Problem `notFound`. */
export async function connectionOf({ entities }: KeysParts, call: AdminCall, id: string): Promise<Connection> {
  const connection = await connections.findConnection(entities.manager, id)
  if (connection === undefined) throw problems.notFound('connection', id)
  call.about = { ...aboutNothing, ...aboutConnection(connection) }
  return connection
}

function failNamed(error: unknown, name: string): never {
  if (!isUniqueViolation(error, 'connection_name')) throw error
  throw problems.conflict(`A connection of this tenant is named ${JSON.stringify(name)} already. Choose another name.`)
}
