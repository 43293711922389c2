/**
 * The admin APIs: who is let in and to what, a call from its first line to the one record that it leaves in the trail, and the
 * description of all operations, whichever service answers them. Knows no service: each brings its own table of operations.
 */
export { AdminApi } from './admin-api.ts'
export { type About, aboutNothing, AdminCall, Call, type Outcome } from './admin-call.ts'
export { AdminCalls } from './admin-calls.module.ts'
export { AdminWrites, type Share, type Written } from './admin-writes.ts'
export { AdminDocument, documentPart } from './admin-document.ts'
export { ADMIN_AREA, AdminGuard, Asking } from './admin-guard.ts'
export { Admission, ADMISSION } from './admission.ts'
export { stateOf, tagOf } from './conditions.ts'
export { followTokens } from './follow-tokens.ts'
export { HearTokens, KNOWN_TOKENS, TOKEN_CHANNEL, type TokenChannel } from './hear-tokens.ts'
export { AdminTokenTables, type KnownToken, KnownTokens } from './store/known-tokens.ts'
export { openApiDocument } from './openapi.ts'
export { type AdminArea, type AdminPart, adminServices, type Operation, type Operations } from './operation.ts'
export type { Replayable } from './idempotency.ts'
export { AnsweredTables, KeptAnswers } from './store/kept-answers.ts'
export { documentFile, publishedDocument, type ServiceAddresses } from './published-document.ts'
export { type Actor, areTenantsWithin, beyond, bootstrapId, mayTouch, type Powers } from './powers.ts'
export { adminScopes, type AdminScope } from './scopes.ts'
export { TokenLookUps } from './token-look-ups.ts'
