import { type Event, makeEvent } from '#libs/events/index'

/** A company or department whose people are provisioned. Its id stands in events and addresses and is never given twice. */
export interface Tenant {
  readonly id: string
  readonly name: string
  /** Counts its events. */
  readonly version: number
  readonly createdAt: Date
}

/** Ids are lower-case words: letters and digits, single hyphens between them, 2 to 40 characters. */
export const tenantId = /^(?=.{2,40}$)[a-z0-9]+(-[a-z0-9]+)*$/

/** The id that a name suggests: "Acme Ltd." is acme-ltd. Undefined when the name has too few letters of the Latin alphabet. */
export function idFromName(name: string): string | undefined {
  const id = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 36)
    .replace(/^-+|-+$/g, '')
  return tenantId.test(id) ? id : undefined
}

/** The first of acme, acme-2, acme-3, ... that was never given. */
export function firstFree(id: string, given: ReadonlySet<string>): string {
  if (!given.has(id)) return id
  for (let count = 2; ; count++) {
    const candidate = `${id}-${count}`
    if (!given.has(candidate)) return candidate
  }
}

export function tenantCreated(tenant: Tenant, traceparent: string | undefined): Event<'tenant.created'> {
  return makeEvent('tenant.created', origin(tenant, tenant.createdAt, traceparent), {
    tenant: tenant.id,
    name: tenant.name,
  })
}

/** `after`: one version on. */
export function tenantChanged(
  after: Tenant,
  changed: string[],
  time: Date,
  traceparent: string | undefined,
): Event<'tenant.changed'> {
  return makeEvent('tenant.changed', origin(after, time, traceparent), { tenant: after.id, name: after.name, changed })
}

/** `tenant` as it is after its last change. */
export function tenantDeleted(tenant: Tenant, time: Date, traceparent: string | undefined): Event<'tenant.deleted'> {
  return makeEvent('tenant.deleted', origin(tenant, time, traceparent), { tenant: tenant.id })
}

function origin({ id, version }: Tenant, time: Date, traceparent: string | undefined) {
  return { source: 'keys', subject: id, owner: '', version, time, traceparent } as const
}
