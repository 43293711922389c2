import type { Powers } from '#libs/admin/index'
import { digest, mintAdminToken, type Peppers, type TokenId } from '#libs/credentials/index'
import { type Event, makeEvent } from '#libs/events/index'

/** What is kept of an admin token: never its secret. */
export interface AdminToken extends Powers {
  readonly id: TokenId
  /** For people; several may have the same. */
  readonly name: string
  /** Counts its events. */
  readonly version: number
  readonly pepperVersion: number
  readonly digest: Uint8Array
  readonly createdAt: Date
  /** Id of the token that it was made with, or bootstrap. */
  readonly createdBy: string
  readonly revokedAt: Date | null
}

export type TokenChange = Partial<Powers & Pick<AdminToken, 'name'>>

/** A new token. `text` is to be answered once and kept nowhere. */
export function mintToken(
  wanted: Powers & Pick<AdminToken, 'name'>,
  by: string,
  peppers: Peppers,
  now: Date,
): { token: AdminToken; text: string } {
  const { id, secret, text } = mintAdminToken()
  const { name, scopes, tenants, allowlist, expiresAt } = wanted
  const token: AdminToken = {
    id,
    name,
    version: 1,
    scopes,
    tenants,
    allowlist,
    expiresAt,
    pepperVersion: peppers.current,
    digest: digest(peppers, peppers.current, secret),
    createdAt: now,
    createdBy: by,
    revokedAt: null,
  }
  return { token, text }
}

const changeable = ['name', 'scopes', 'tenants', 'allowlist', 'expiresAt'] as const

/** The token after the change and the names of what differs; the same token when nothing does. */
export function changeToken(token: AdminToken, wanted: TokenChange): { after: AdminToken; changed: string[] } {
  const changed = changeable.filter(
    (name) => wanted[name] !== undefined && JSON.stringify(wanted[name]) !== JSON.stringify(token[name]),
  )
  if (changed.length === 0) return { after: token, changed }
  const differing = Object.fromEntries(changed.map((name) => [name, wanted[name]]))
  return { after: { ...token, ...differing, version: token.version + 1 }, changed }
}

/** The token, revoked, one version on; the same when it was before. */
export function revokeToken(token: AdminToken, now: Date): AdminToken {
  return token.revokedAt === null ? { ...token, revokedAt: now, version: token.version + 1 } : token
}

export function tokenMinted(token: AdminToken, traceparent: string | undefined): Event<'admin-token.minted'> {
  const { pepperVersion, createdBy: mintedBy } = token
  const digested = Buffer.from(token.digest).toString('base64url')
  return makeEvent('admin-token.minted', origin(token, token.createdAt, traceparent), {
    ...facts(token),
    pepperVersion,
    digest: digested,
    mintedBy,
  })
}

export function tokenChanged(
  after: AdminToken,
  changed: string[],
  time: Date,
  traceparent: string | undefined,
): Event<'admin-token.changed'> {
  return makeEvent('admin-token.changed', origin(after, time, traceparent), { ...facts(after), changed })
}

/** `after`: revoked. */
export function tokenRevoked(
  after: AdminToken,
  time: Date,
  traceparent: string | undefined,
): Event<'admin-token.revoked'> {
  const revokedAt = time.toISOString()
  return makeEvent('admin-token.revoked', origin(after, time, traceparent), { token: after.id, revokedAt })
}

function facts({ id, name, scopes, tenants, allowlist, expiresAt }: AdminToken) {
  return {
    token: id,
    name,
    scopes: [...scopes],
    tenants: tenants === null ? null : [...tenants],
    allowlist: [...allowlist],
    expiresAt: expiresAt?.toISOString() ?? null,
  }
}

function origin({ id, version }: AdminToken, time: Date, traceparent: string | undefined) {
  return { source: 'keys', subject: id, owner: '', version, time, traceparent } as const
}
