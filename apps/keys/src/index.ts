/**
 * The keys service: tenants, connections and provisioning keys, and admin tokens. It alone knows how keys come about; everyone else hears of
 * them by `tenant.*`, `connection.*` and `key.*`. It never sees a SCIM request, only what was decided about it.
 */
export { keysAdmission } from './admission.ts'
export { keysOperations } from './http/operations.ts'
export { keysPart } from './http/described.ts'
export { KeysModule } from './keys.module.ts'
export type { KeysParts } from './parts.ts'
export { KEYS, keysGroup } from './events/follow-requests.ts'
export { keysSchema, openKeysEntities } from './store/entities.ts'
export { migrateKeys } from './store/migrations.ts'
export { checkKeks, KekDoesNotFit } from './store/keks.ts'
export { checkPeppers, PeppersDoNotFit, refuseNewPeppers } from './store/peppers.ts'
export type { WorkerTimes } from './rotation-worker.ts'
export { ensureQuickstart, type Quickstart } from './quickstart.ts'
