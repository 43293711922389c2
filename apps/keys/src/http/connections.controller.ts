import { Body, Delete, Get, HttpCode, Inject, Param, Patch, Post, Put, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, aboutNothing, type AdminCall, Call, type Written } from '#libs/admin/index'
import { connectionSettings, connectionSettingsChange, environments, identityProviders } from '#libs/events/index'
import { pageOf, pagingByAge, type Paging, pagingQuery, parse, problems } from '#libs/http/index'
import { type EntityManager, isUniqueViolation } from '#libs/postgres/index'
import {
  change,
  type Connection,
  connectionChanged,
  connectionCreated,
  connectionDeleted,
  type ConnectionChange,
  newConnectionId,
} from '../connection.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { alone } from '../store/alone.ts'
import * as connections from '../store/connections.ts'
import { lookAtOnce } from '../store/looks.ts'
import { findTenant } from '../store/tenants.ts'
import { aboutConnection, aboutTenant, connectionAnswer, connectionTag } from './answers.ts'
import { KeyActs, lockStanding, revokeAll } from './key-acts.ts'
import { connectionNameRule } from './rules.ts'
import { Writes } from './writes.ts'

export const newConnection = z.strictObject({
  name: connectionNameRule,
  environment: z.enum(environments).default('sandbox'),
  identityProvider: z.enum(identityProviders).default('other'),
  settings: connectionSettingsChange.default({}),
})
/**
 * The whole of it: what is left out becomes what it is by default, but for the state: to disable is an act of a person, which no repeated declaration undoes.
 * The name stands in the address, capitals and all, and may say here how it is written.
 */
export const connectionBody = newConnection.extend({
  name: connectionNameRule.optional(),
  state: z
    .enum(['enabled', 'disabled'])
    .optional()
    .describe(
      'left out: stays as it is, so that what somebody disabled stays disabled; enabled where the connection is made',
    ),
})
export const connectionChange = z.strictObject({
  name: connectionNameRule.optional(),
  identityProvider: z.enum(identityProviders).optional(),
  state: z.enum(['enabled', 'disabled']).optional(),
  settings: connectionSettingsChange.optional(),
  environment: z
    .undefined(
      'never changes: what live and sandbox hold must not meet; make another connection for the other environment',
    )
    .optional(),
})

export const connectionsQuery = pagingQuery.extend({
  deleted: z
    .enum(['true', 'false'], 'must be true or false')
    .default('false')
    .describe('true: those that were deleted, and no others'),
})

const byName = z.object({ name: connectionNameRule })

@AdminApi('')
export class ConnectionsController {
  readonly #parts: KeysParts
  readonly #writes: Writes
  readonly #acts: KeyActs

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes, @Inject(KeyActs) acts: KeyActs) {
    this.#parts = parts
    this.#writes = writes
    this.#acts = acts
  }

  @Post('tenants/:tenant/connections')
  @HttpCode(201)
  async create(@Call() call: AdminCall, @Param('tenant') tenant: string, @Body() body: unknown) {
    const wanted = parse(newConnection, body)
    const written = await this.#writes.run(call, tenant, async (manager, now) => {
      if (!(await connections.holdTenant(manager, tenant))) throw problems.notFound('tenant', tenant)
      const settings = connectionSettings.parse(wanted.settings)
      return this.#make(call, manager, {
        ...wanted,
        tenant,
        state: 'enabled',
        settings,
        createdAt: now,
        deletedAt: null,
      })
    })
    return written.body
  }

  /**
   * The connection of that name becomes this, and is made where there was none; what is so already is left alone. Its environment never
   * changes.
   */
  @Put('tenants/:tenant/connections/by-name/:name')
  async put(
    @Call() call: AdminCall,
    @Param('tenant') tenant: string,
    @Param('name') address: string,
    @Body() body: unknown,
  ) {
    const wanted = parse(connectionBody, body)
    const { name: named } = parse(byName, { name: address })
    if (wanted.name !== undefined && wanted.name.toLowerCase() !== named.toLowerCase()) {
      throw problems.invalid([{ path: ['name'], message: 'is not the name in the address; rename with PATCH' }])
    }
    const settings = connectionSettings.parse(wanted.settings)
    const written = await this.#writes.run(call, tenant, async (manager, now) => {
      if (!(await connections.holdTenant(manager, tenant))) throw problems.notFound('tenant', tenant)
      await alone(manager, `connection ${tenant} ${named.toLowerCase()}`)
      const before = await connections.findConnectionByName(manager, tenant, named)
      call.requireUnchanged(before?.version)
      if (before === undefined) {
        const made = await this.#make(call, manager, {
          ...wanted,
          name: wanted.name ?? named,
          state: wanted.state ?? 'enabled',
          tenant,
          settings,
          createdAt: now,
          deletedAt: null,
        })
        call.made = true
        return made
      }
      if (before.environment !== wanted.environment) throw otherEnvironment(before)
      const { environment: _, ...changing } = wanted
      return this.#update(call, manager, before, { ...changing, name: wanted.name ?? named, settings }, now)
    })
    return written.body
  }

  @Get('tenants/:tenant/connections/by-name/:name')
  async readNamed(@Call() call: AdminCall, @Param('tenant') tenant: string, @Param('name') name: string) {
    const connection = await connections.findConnectionByName(this.#parts.entities.manager, tenant, name.trim(), 'read')
    if (connection === undefined) throw problems.notFound('connection', name)
    return this.#shown(call, connection)
  }

  @Get('tenants/:tenant/connections')
  async listOfTenant(@Call() call: AdminCall, @Param('tenant') id: string, @Query() query: unknown) {
    const wanted = readQuery(query)
    const tenant = await findTenant(this.#parts.entities.manager, id)
    if (tenant === undefined) throw problems.notFound('tenant', id)
    call.about = { ...aboutNothing, ...aboutTenant(tenant) }
    return this.#page(wanted, [id])
  }

  @Get('connections')
  async list(@Call() call: AdminCall, @Query() query: unknown) {
    return this.#page(readQuery(query), call.actor.tenants)
  }

  @Get('connections/:connection')
  async read(@Call() call: AdminCall, @Param('connection') id: string) {
    const connection = await connections.findConnection(this.#parts.entities.manager, id)
    if (connection === undefined) throw problems.notFound('connection', id)
    return this.#shown(call, connection)
  }

  @Patch('connections/:connection')
  update(@Call() call: AdminCall, @Param('connection') id: string, @Body() body: unknown) {
    const { environment: _, ...wanted } = parse(connectionChange, body)
    return this.#change(call, id, wanted, (version) => call.requireUnchanged(version))
  }

  @Post('connections/:connection/disable')
  @HttpCode(200)
  disable(@Call() call: AdminCall, @Param('connection') id: string) {
    return this.#change(call, id, { state: 'disabled' })
  }

  /**
   * Its keys are revoked and its name is free at once. Gateways keep what it brought for as long as what is deleted can be restored; the
   * directory forgets it, and the trail stays.
   */
  @Delete('connections/:connection')
  @HttpCode(204)
  async remove(@Call() call: AdminCall, @Param('connection') id: string): Promise<void> {
    // A repeated removal is answered as the first.
    const tenant = await connections.tenantOfConnection(this.#parts.entities.manager, id)
    if (tenant === undefined) throw problems.notFound('connection', id)
    await this.#remove(call, tenant, async (manager) => {
      const connection = await connections.lockConnection(manager, id)
      if (connection === undefined) throw problems.notFound('connection', id)
      return connection
    })
  }

  @Delete('tenants/:tenant/connections/by-name/:name')
  @HttpCode(204)
  async removeNamed(
    @Call() call: AdminCall,
    @Param('tenant') tenant: string,
    @Param('name') name: string,
  ): Promise<void> {
    await this.#remove(call, tenant, async (manager) => {
      const connection = await connections.findConnectionByName(manager, tenant, name.trim())
      if (connection === undefined) throw problems.notFound('connection', name)
      return connection
    })
  }

  async #remove(
    call: AdminCall,
    tenant: string,
    locked: (manager: EntityManager) => Promise<Connection>,
  ): Promise<void> {
    await this.#writes.run(call, tenant, async (manager, now) => {
      const connection = await locked(manager)
      call.about = { ...aboutNothing, ...aboutConnection(connection) }
      call.requireUnchanged(connection.version)
      await connections.lockKeysForRemoval(manager, connection)
      const revoked = await this.#acts.perform(
        manager,
        call,
        now,
        await lockStanding(manager, connection.id),
        revokeAll,
      )
      await connections.removeConnection(manager, connection, now)
      const events = [...revoked.events, connectionDeleted(connection, now, call.traceparent)]
      return { about: aboutConnection(connection), events, changed: ['state'], body: null }
    })
  }

  async #change(
    call: AdminCall,
    id: string,
    wanted: ConnectionChange,
    check: (version: number) => void = () => undefined,
  ) {
    const tenant = await tenantOf(this.#parts, call, id)
    const written = await this.#writes.run(call, tenant, async (manager, now) => {
      const before = await connections.lockConnection(manager, id)
      if (before === undefined) throw problems.notFound('connection', id)
      check(before.version)
      return this.#update(call, manager, before, wanted, now)
    })
    return written.body
  }

  async #make(
    call: AdminCall,
    manager: EntityManager,
    wanted: Omit<Connection, 'id' | 'schemas' | 'version'>,
  ): Promise<Written<ReturnType<typeof connectionAnswer>>> {
    const connection = { ...wanted, id: newConnectionId(), schemas: [], version: 1 }
    await connections.insertConnection(manager, connection).catch((error: unknown) => failNamed(error, wanted.name))
    const events = [connectionCreated(connection, call.traceparent)]
    return { about: aboutConnection(connection), events, ...this.#tagged(connection) }
  }

  async #update(
    call: AdminCall,
    manager: EntityManager,
    before: Connection,
    wanted: ConnectionChange,
    now: Date,
  ): Promise<Written<ReturnType<typeof connectionAnswer>>> {
    const { after, changed } = change(before, wanted)
    if (changed.length === 0) return { about: aboutConnection(before), events: [], ...this.#tagged(before) }
    await connections.updateConnection(manager, after).catch((error: unknown) => failNamed(error, after.name))
    if (changed.includes('state')) await lookAtOnce(manager, after.id)
    const events = [connectionChanged(after, changed, now, call.traceparent)]
    return { about: aboutConnection(after), events, changed, ...this.#tagged(after) }
  }

  #shown(call: AdminCall, connection: Connection) {
    call.about = { ...aboutNothing, ...aboutConnection(connection) }
    call.tag = connectionTag(connection)
    return this.#answer(connection)
  }

  async #page({ page, which }: ReturnType<typeof readQuery>, tenants: readonly string[] | null) {
    const found = await connections.listConnections(this.#parts.entities.manager, page, tenants, which)
    return pageOf(
      found,
      page,
      ({ createdAt, id }) => [createdAt.toISOString(), id],
      (connection) => this.#answer(connection),
    )
  }

  #tagged(connection: Connection) {
    return { tag: connectionTag(connection), body: this.#answer(connection) }
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

function readQuery(query: unknown): { readonly page: Paging; readonly which: 'standing' | 'deleted' } {
  const { deleted } = parse(connectionsQuery, query)
  return { page: pagingByAge(query), which: deleted === 'true' ? 'deleted' : 'standing' }
}

function otherEnvironment({ name, environment }: Connection) {
  return problems.conflict(
    `The connection ${JSON.stringify(name)} is of the ${environment} environment, and that never changes: what live and sandbox hold must not meet. Make another connection for the other environment.`,
  )
}

function failNamed(error: unknown, name: string): never {
  if (!isUniqueViolation(error, 'connection_name')) throw error
  throw problems.conflict(`A connection of this tenant is named ${JSON.stringify(name)} already. Choose another name.`)
}
