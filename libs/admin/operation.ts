import type { ZodType } from 'zod'
import type { Problem, ProblemCode } from '#libs/http/index'
import type { AdminScope } from './scopes.ts'

/** What each address of an admin API does, as it is named in the record of a request: `POST /admin/v1/tenants` is `tenants.create`. */
export type Operations = Readonly<Record<string, string>>

/** Everything else that there is to say of an operation: what it asks of who calls it, what it takes and what it answers. */
export interface Operation {
  /** `open`: nobody is asked who he is. */
  readonly scope: AdminScope | 'open'
  /**
   * Whose it is. A parameter of the path: the tenant that this leads to. `own`: what the caller may see, which the handler picks by
   * his tenants. `all`: the whole installation, for tokens that are limited to no tenants.
   */
  readonly concerns: 'tenant' | 'connection' | 'kid' | 'rotation' | 'request' | 'detection' | 'own' | 'all'
  readonly summary: string
  readonly query?: ZodType
  /** Where it is left out, none is taken but `{}`. */
  readonly body?: ZodType
  /** The body may be left out. */
  readonly bodyOptional?: true
  /** By status; null where nothing is answered but the status. */
  readonly answers: Readonly<Record<number, ZodType | null>>
  /** Problems of its own, besides those that follow from the rest. */
  readonly refusals?: readonly ProblemCode[]
  /** Its answer has an ETag; where it reads, If-None-Match is heeded. */
  readonly tagged?: true
  /** If-Match is heeded. */
  readonly conditional?: true
  /** Idempotency-Key is heeded. */
  readonly idempotent?: true
}

export const adminServices = ['gateway', 'keys', 'directory', 'audit'] as const
export type AdminService = (typeof adminServices)[number]

/** One service's operations; by the compiler none lacks a scope or a description. */
export interface AdminPart<Names extends Operations = Operations> {
  /** `each`: every service answers for itself. */
  readonly service: AdminService | 'each'
  readonly operations: Names
  readonly described: { readonly [Address in keyof Names]: Operation }
}

/** Finds the tenant of what a parameter of a path names; undefined when there is no such thing. */
export interface Owner {
  tenantOf(id: string): Promise<string | undefined>
  /** What is answered for what is not there, and in the same words for what is another tenant's. */
  missing(id: string): Problem
}

/** What the guard of a controller goes by. */
export interface AdminArea {
  readonly described: Readonly<Record<string, Operation>>
  readonly owners: Readonly<Partial<Record<Operation['concerns'], Owner>>>
}
