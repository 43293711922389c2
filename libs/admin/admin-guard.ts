import { type CanActivate, createParamDecorator, type ExecutionContext, Inject, Injectable } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { z, type ZodType } from 'zod'
import { parse, problems } from '#libs/http/index'
import { type Admission, ADMISSION } from './admission.ts'
import type { AdminArea, Operation, Owner } from './operation.ts'
import { type Actor, mayTouch } from './powers.ts'

/** Nest provider: what the operations of a module's controllers ask of who calls them. */
export const ADMIN_AREA = Symbol('ADMIN_AREA')

/**
 * Lets a request through whose token is accepted, has the scope that the operation asks for, and is not limited to other tenants than
 * the one it concerns. An address that no table describes is never let through.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  readonly #admission: Admission
  readonly #area: AdminArea

  constructor(@Inject(ADMISSION) admission: Admission, @Inject(ADMIN_AREA) area: AdminArea) {
    this.#admission = admission
    this.#area = area
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const { scope, concerns, query, body } = operationOf(this.#area, request)
    if (scope === 'open') return true
    const { authorization } = request.headers
    const actor = await this.#admission.admit(authorization, request.caller.text, (proved) => {
      request.adminActor = proved
    })
    request.adminTokenPassed = true
    if (!actor.scopes.includes(scope)) throw problems.scopeMissing(scope)
    await this.#checkTenant(actor, concerns, request)
    if (request.method === 'GET' || request.method === 'HEAD' || query !== undefined) checkQuery(request, query)
    if (body === undefined && request.body !== undefined) parse(noBody, request.body)
    return true
  }

  async #checkTenant(actor: Actor, concerns: Operation['concerns'], request: FastifyRequest): Promise<void> {
    if (actor.tenants === null || concerns === 'own') return
    if (concerns === 'all') throw problems.tenantsRefused()
    const id = z.record(z.string(), z.string()).parse(request.params)[concerns] ?? ''
    const owner = this.#area.owners[concerns] ?? ownerOf(concerns)
    const tenant = await owner.tenantOf(id)
    if (tenant === undefined || !mayTouch(actor, tenant)) throw owner.missing(id)
  }
}

/** Parameter of a controller's method: who asks. */
export const Asking = createParamDecorator((_: unknown, context: ExecutionContext): Actor => {
  const { adminActor } = context.switchToHttp().getRequest<FastifyRequest>()
  if (adminActor === undefined) throw new Error('this address is not guarded')
  return adminActor
})

declare module 'fastify' {
  interface FastifyRequest {
    /** Who proved to be the bearer of an admin token, refused later or not. */
    adminActor?: Actor
    /** Set once the token was accepted; what is refused before has not been asked for it. */
    adminTokenPassed?: boolean
  }
}

function operationOf({ described }: AdminArea, request: FastifyRequest): Operation {
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const address = `${method} ${request.routeOptions.url ?? ''}`
  const operation = described[address]
  if (operation === undefined) throw new Error(`${address} is in no table of operations`)
  return operation
}

/** What nothing reads would be taken for a condition by whoever sent it. */
const noBody = z.strictObject({}, 'must be left out or be {}: nothing reads it at this address')

/** What nothing reads would be taken for a filter by whoever sent it. */
function checkQuery({ query: sent }: FastifyRequest, schema: ZodType | undefined): void {
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
  const unknown = Object.keys(z.record(z.string(), z.unknown()).parse(sent)).filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  const names = unknown.map((name) => JSON.stringify(name.slice(0, 64))).join(', ')
  const fix = known.length === 0 ? 'There are none at this address: leave it out' : `Known are ${known.join(', ')}`
  throw problems.badRequest(`The query has a parameter that nothing reads here: ${names}. ${fix}.`)
}

function ownerOf(concerns: Operation['concerns']): Owner {
  if (concerns !== 'tenant') throw new Error(`nothing tells here whose a ${concerns} is`)
  return { tenantOf: async (id) => id, missing: (id) => problems.notFound('tenant', id) }
}
