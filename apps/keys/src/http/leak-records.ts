import type { About, Share } from '#libs/admin/index'
import type { AnyEvent } from '#libs/events/index'

/** Of the token of the data folder. */
export const notRevocable = 'not revocable: replace it in its file'

/** What a report of leaked keys did to one of them, or to one admin token. */
export interface Ended {
  readonly about: Partial<About>
  readonly outcome: 'revoked' | 'revoked before' | typeof notRevocable
  readonly events: readonly AnyEvent[]
}

/**
 * What the record of a report says: whatever all that it names have in common. Where that is not of one tenant, each tenant has a share of it: whoever
 * may read the records of that tenant alone is to find there who revoked its keys, and from where.
 */
export function recordOf(ended: readonly Ended[]): Share & { readonly shares: readonly Share[] } {
  const byTenant = Map.groupBy(ended, ({ about }) => about.tenant ?? null)
  if (byTenant.size === 1) return { ...share(ended), shares: [] }
  const shares = [...byTenant].flatMap(([tenant, own]) => (tenant === null ? [] : [share(own)]))
  return { ...share(ended), shares }
}

function share(ended: readonly Ended[]): Share {
  return {
    about: inCommon(ended.map(({ about }) => about)),
    events: ended.flatMap(({ events }) => events),
    changed: ended.some(({ outcome }) => outcome === 'revoked') ? ['state'] : [],
  }
}

function inCommon([first = {}, ...others]: readonly Partial<About>[]): Partial<About> {
  const common = <Name extends keyof About>(name: Name) => {
    const value = first[name] ?? null
    return others.every((other) => (other[name] ?? null) === value) ? value : null
  }
  return {
    tenant: common('tenant'),
    connection: common('connection'),
    environment: common('environment'),
    subject: common('subject'),
  }
}
