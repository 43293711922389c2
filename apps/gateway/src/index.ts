/**
 * The gateway: proves who a SCIM request comes from, records users and groups, answers, and tells what happened. It owns the
 * records and decides alone; keys and connections it knows from events. It knows nothing of the other services.
 */
import { type Database, migrate } from '#libs/postgres/index'
import { gatewaySchema } from './names.ts'
import { migrations } from './store/migrations.ts'

export { gatewayOperations } from './http/operations.ts'
export { gatewayPart } from './http/described.ts'
export { GatewayModule } from './gateway.module.ts'
export { Currency } from './currency.ts'
export { currencyCheck } from './http/currency-check.ts'
export type { GatewayParts } from './parts.ts'
export { GATEWAY, gatewayGroup, gatewaySchema } from './names.ts'
export { gatewayForms } from './http/forms.ts'
export { noEdit, replacement } from './membership.ts'
export type { WriteRequest } from './record-store.ts'
export { AccessTokens } from './access-token.ts'
export { type RateLimits, Rates } from './rates.ts'
export { answerCodes } from './refusals.ts'
export { SigningKeys } from './signing-keys.ts'
export { LeasedNonces } from './store/leased-nonces.ts'
export { openSignedAhead } from './store/signed-ahead.ts'
export { admit, type Arrival, type Passage, type WayInParts } from './way-in.ts'
export { KnownTrust } from './store/known-trust.ts'
export { Writer } from './store/writer.ts'

/** Brings the schema `gateway` up to date; to be done before the gateway follows or answers. */
export function migrateGateway(database: Database): Promise<void> {
  return migrate(database, { schema: gatewaySchema, migrations })
}
