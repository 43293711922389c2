import type { Dialect } from './dialect.ts'
import { standard } from './dialect.ts'
import { entra } from './entra.ts'
import { google } from './google.ts'
import type { IdentityProvider, RequestTraits } from './identity-provider.ts'
import { jumpcloud } from './jumpcloud.ts'
import { okta } from './okta.ts'
import { onelogin } from './onelogin.ts'
import { pingFederate } from './ping-federate.ts'
import { pingOne } from './ping-one.ts'
import { rippling } from './rippling.ts'
import { sailpoint } from './sailpoint.ts'

/** Every identity provider whose dialect is known. */
export const knownIdentityProviders: readonly IdentityProvider[] = [
  okta,
  entra,
  google,
  onelogin,
  jumpcloud,
  pingFederate,
  pingOne,
  sailpoint,
  rippling,
]

/** Every dialect there is. */
export const dialects: readonly Dialect[] = [standard, ...knownIdentityProviders.flatMap((one) => one.dialects)]

/**
 * The dialect that a request is read in. `kind` is the `identityProvider` of its connection. A connection of a known kind has that
 * identity provider's dialects alone, whatever a request looks like. Of any other kind a request has the dialect of whoever it calls
 * itself by User-Agent, or which alone is known to send its form; a request that gives nobody away has no quirk.
 */
export function dialectOf(kind: string, request: RequestTraits): Dialect {
  const caller =
    knownIdentityProviders.find((one) => one.kind === kind) ??
    namedBy(request) ??
    knownIdentityProviders.find((one) => one.givesItselfAway?.(request))
  return caller?.dialectOf(request) ?? standard
}

/** Who a request calls itself, where its connection is of another known kind: one of the two is wrong. */
export function contradiction(kind: string, request: RequestTraits): string | undefined {
  const named = namedBy(request)
  if (named === undefined || named.kind === kind) return undefined
  return knownIdentityProviders.some((one) => one.kind === kind) ? named.kind : undefined
}

function namedBy({ userAgent }: RequestTraits): IdentityProvider | undefined {
  if (userAgent === undefined) return undefined
  return knownIdentityProviders.find((one) => one.userAgent?.test(userAgent))
}
