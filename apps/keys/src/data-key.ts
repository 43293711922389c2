import { type Event, makeEvent, type WrappedDataKey } from '#libs/events/index'
import type { WrappedKey } from '#libs/sealing/index'

/** The key that secrets of a tenant are sealed under, as it is kept: wrapped. */
export interface TenantDataKey extends WrappedKey {
  readonly tenant: string
  readonly id: string
  /** Counts its events. */
  readonly version: number
  readonly createdAt: Date
}

interface Told {
  readonly at: Date
  readonly traceparent: string | undefined
}

export function dataKeyMade(key: TenantDataKey, traceparent: string | undefined): Event<'data-key.made'> {
  return makeEvent('data-key.made', origin(key, { at: key.createdAt, traceparent }), facts(key))
}

/** The key wrapped anew, one version on, and the event that tells of it. */
export function rewrap(
  key: TenantDataKey,
  { kekId, kekVersion, wrapped }: WrappedKey,
  told: Told,
): { key: TenantDataKey; event: Event<'data-key.rewrapped'> } {
  const after = { ...key, kekId, kekVersion, wrapped, version: key.version + 1 }
  return { key: after, event: makeEvent('data-key.rewrapped', origin(after, told), facts(after)) }
}

/** `key` as it was before. */
export function dataKeyDestroyed(key: TenantDataKey, told: Told): Event<'data-key.destroyed'> {
  const last = { ...key, version: key.version + 1 }
  return makeEvent('data-key.destroyed', origin(last, told), { tenant: key.tenant, dataKey: key.id })
}

function facts({ tenant, id, kekId, kekVersion, wrapped }: TenantDataKey): WrappedDataKey {
  return { tenant, dataKey: id, kekId, kekVersion, wrapped }
}

function origin({ id, tenant, version }: TenantDataKey, { at, traceparent }: Told) {
  return { source: 'keys', subject: id, owner: tenant, version, time: at, traceparent } as const
}
