import { isWithin, readRange } from '#libs/addresses/index'
import { adminScopes, type AdminScope } from './scopes.ts'

/** What an admin token lets its bearer do. */
export interface Powers {
  readonly scopes: readonly AdminScope[]
  /** The tenants that it is limited to; null: all there are and will be. */
  readonly tenants: readonly string[] | null
  /** Ranges of addresses in CIDR notation; empty: from anywhere. */
  readonly allowlist: readonly string[]
  /** From then on it is refused. */
  readonly expiresAt: Date | null
}

/** Who asks: the id of the token that was proved, and its powers. */
export interface Actor extends Powers {
  readonly id: string
}

/** The token of the data folder or the environment: the first, by which others are made. */
export const bootstrapId = 'bootstrap'
export const bootstrap: Actor = { id: bootstrapId, scopes: adminScopes, tenants: null, allowlist: [], expiresAt: null }

export function mayTouch({ tenants }: Pick<Powers, 'tenants'>, tenant: string): boolean {
  return tenants === null || tenants.includes(tenant)
}

/** Which of the powers somebody asks for go beyond his own; none when he may give them all. */
export function beyond(own: Powers, wanted: Powers): (keyof Powers)[] {
  const within: Readonly<Record<keyof Powers, boolean>> = {
    scopes: wanted.scopes.every((scope) => own.scopes.includes(scope)),
    tenants: areTenantsWithin(own, wanted),
    allowlist: own.allowlist.length === 0 || isAllowlistWithin(wanted.allowlist, own.allowlist),
    expiresAt: own.expiresAt === null || (wanted.expiresAt !== null && wanted.expiresAt <= own.expiresAt),
  }
  return (['scopes', 'tenants', 'allowlist', 'expiresAt'] as const).filter((name) => !within[name])
}

/** Whether the second is limited to tenants of the first. */
export function areTenantsWithin(own: Pick<Powers, 'tenants'>, { tenants }: Pick<Powers, 'tenants'>): boolean {
  return own.tenants === null || (tenants !== null && tenants.every((tenant) => mayTouch(own, tenant)))
}

function isAllowlistWithin(wanted: readonly string[], own: readonly string[]): boolean {
  const ranges = own.map(readRange)
  return (
    wanted.length > 0 &&
    wanted.map(readRange).every((inner) => {
      return inner !== undefined && ranges.some((outer) => outer !== undefined && isWithin(inner, outer))
    })
  )
}
