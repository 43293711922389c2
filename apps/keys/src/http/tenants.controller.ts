import { Body, Delete, Get, HttpCode, Inject, Param, Post, Put, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, aboutNothing, type AdminCall, Call } from '#libs/admin/index'
import { pageOf, paging, pagingQuery, parse, problems } from '#libs/http/index'
import { isUniqueViolation } from '#libs/postgres/index'
import { dataKeyDestroyed } from '../data-key.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { alone } from '../store/alone.ts'
import { countConnections } from '../store/connections.ts'
import {
  findTenant,
  idsGiven,
  insertTenant,
  listTenants,
  lockTenant,
  removeTenant,
  updateTenant,
} from '../store/tenants.ts'
import { firstFree, idFromName, type Tenant, tenantChanged, tenantCreated, tenantDeleted, tenantId } from '../tenant.ts'
import { aboutTenant, tenantAnswer, tenantTag } from './answers.ts'
import { nameRule } from './rules.ts'
import { Writes } from './writes.ts'

const badId = 'is not a word of 2 to 40 lower-case letters, digits and single hyphens'

export const newTenant = z.strictObject({
  name: nameRule,
  id: z.string().regex(tenantId, badId).optional(),
})
/** The id stands in the address. */
export const tenantBody = z.strictObject({ name: nameRule })
export const tenantsQuery = pagingQuery.extend({ name: z.string().optional() })

@AdminApi('tenants')
export class TenantsController {
  readonly #parts: KeysParts
  readonly #writes: Writes

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  @Post()
  @HttpCode(201)
  async create(@Call() call: AdminCall, @Body() body: unknown) {
    const wanted = parse(newTenant, body)
    const written = await this.#writes.run(call, '', async (manager, now) => {
      const suggested = wanted.id ?? idFromName(wanted.name)
      if (suggested === undefined) {
        throw problems.invalid([
          {
            path: ['id'],
            message: 'cannot be made of this name; give an id of lower-case letters, digits and hyphens',
          },
        ])
      }
      const given = await idsGiven(manager, suggested)
      if (wanted.id !== undefined && given.has(wanted.id)) throw idTaken(wanted.id)
      const tenant = { id: firstFree(suggested, given), name: wanted.name, version: 1, createdAt: now }
      await insertTenant(manager, tenant).catch((error: unknown) => failTaken(error, tenant))
      return {
        about: aboutTenant(tenant),
        events: [tenantCreated(tenant, call.traceparent)],
        tag: tenantTag(tenant),
        body: tenantAnswer(tenant),
      }
    })
    return written.body
  }

  @Get()
  async list(@Call() call: AdminCall, @Query() query: unknown) {
    const page = paging(query)
    const { name } = parse(tenantsQuery, query)
    const tenants = await listTenants(this.#parts.entities.manager, page, name, call.actor.tenants)
    return pageOf(tenants, page, (tenant) => [tenant.id], tenantAnswer)
  }

  @Get(':tenant')
  async read(@Call() call: AdminCall, @Param('tenant') id: string) {
    const tenant = await findTenant(this.#parts.entities.manager, id)
    if (tenant === undefined) throw problems.notFound('tenant', id)
    call.about = { ...aboutNothing, ...aboutTenant(tenant) }
    call.tag = tenantTag(tenant)
    return tenantAnswer(tenant)
  }

  /** The tenant of that id becomes this, and is made where there was none. What is so already is left alone. */
  @Put(':tenant')
  async put(@Call() call: AdminCall, @Param('tenant') id: string, @Body() body: unknown) {
    const { name } = parse(tenantBody, body)
    if (!tenantId.test(id)) throw problems.invalid([{ path: ['id'], message: badId }])
    const written = await this.#writes.run(call, id, async (manager, now) => {
      await alone(manager, `tenant ${id}`)
      const before = await lockTenant(manager, id)
      call.requireUnchanged(before?.isDeleted === false ? before.version : undefined)
      if (before === undefined) {
        const tenant = { id, name, version: 1, createdAt: now }
        await insertTenant(manager, tenant).catch((error: unknown) => failTaken(error, tenant))
        call.made = true
        const events = [tenantCreated(tenant, call.traceparent)]
        return { about: aboutTenant(tenant), events, tag: tenantTag(tenant), body: tenantAnswer(tenant) }
      }
      if (before.isDeleted) throw idTaken(id)
      if (before.name === name)
        return { about: aboutTenant(before), events: [], tag: tenantTag(before), body: tenantAnswer(before) }
      const after = { ...before, name, version: before.version + 1 }
      await updateTenant(manager, after).catch((error: unknown) => failTaken(error, after))
      const changed = ['name']
      const events = [tenantChanged(after, changed, now, call.traceparent)]
      return { about: aboutTenant(after), events, changed, tag: tenantTag(after), body: tenantAnswer(after) }
    })
    return written.body
  }

  /** Only one that has no connection: what its identity providers brought is deleted connection by connection. */
  @Delete(':tenant')
  @HttpCode(204)
  async remove(@Call() call: AdminCall, @Param('tenant') id: string): Promise<void> {
    await this.#writes.run(call, id, async (manager, now) => {
      const tenant = await lockTenant(manager, id)
      if (tenant === undefined || tenant.isDeleted) throw problems.notFound('tenant', id)
      call.about = { ...aboutNothing, ...aboutTenant(tenant) }
      call.requireUnchanged(tenant.version)
      const connections = await countConnections(manager, id)
      if (connections > 0) throw hasConnections(connections)
      const dataKeys = await removeTenant(manager, tenant, now)
      const events = [
        ...dataKeys.map((key) => dataKeyDestroyed(key, { at: now, traceparent: call.traceparent })),
        tenantDeleted({ ...tenant, version: tenant.version + 1 }, now, call.traceparent),
      ]
      return { about: aboutTenant(tenant), events, changed: ['state'], body: null }
    })
  }
}

function hasConnections(count: number) {
  return problems.conflict(
    `The tenant has ${count} connection${count === 1 ? '' : 's'}, through which people are provisioned. Delete ${count === 1 ? 'it' : 'them'} first: DELETE /admin/v1/connections/ID.`,
  )
}

function failTaken(error: unknown, { id, name }: Tenant): never {
  if (isUniqueViolation(error, 'tenant_name')) throw nameTaken(name)
  throw isUniqueViolation(error) ? idTaken(id) : error
}

function nameTaken(name: string) {
  return problems.conflict(`A tenant is named ${JSON.stringify(name)} already. Use that one, or choose another name.`)
}

function idTaken(id: string) {
  return problems.conflict(
    `The id ${JSON.stringify(id)} belongs to a tenant, perhaps a deleted one: ids are never given twice. Choose another id.`,
  )
}
