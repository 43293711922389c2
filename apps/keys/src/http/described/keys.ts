import { pagingQuery } from '#libs/http/index'
import { keyShown, listOf } from '../answer-schemas.ts'
import { keyChange, newKey } from '../policy-rules.ts'
import { read, type NounOperations } from './noun-operations.ts'

/** For rules that look at the clock when they judge: their form is the same at any time. */
const anyTime = new Date(0)

export const keys = {
  'POST /admin/v1/connections/:connection/keys': {
    scope: 'keys:mint',
    concerns: 'connection',
    summary: 'Mint a provisioning key',
    body: newKey(anyTime),
    bodyOptional: true,
    answers: { 201: keyShown },
    refusals: ['conflict'],
    idempotent: true,
    tagged: true,
  },
  'GET /admin/v1/connections/:connection/keys': {
    scope: 'keys:read',
    concerns: 'connection',
    summary: 'List the provisioning keys of a connection',
    query: pagingQuery,
    answers: { 200: listOf(keyShown) },
  },
  'GET /admin/v1/keys/:kid': read('Show a provisioning key', { scope: 'keys:read', concerns: 'kid' }, keyShown),
  'POST /admin/v1/keys/:kid/revoke': {
    scope: 'keys:revoke',
    concerns: 'kid',
    summary: 'Revoke a provisioning key, for good',
    answers: { 200: keyShown },
    idempotent: true,
    tagged: true,
  },
  'PATCH /admin/v1/keys/:kid': {
    scope: 'keys:write',
    concerns: 'kid',
    summary: 'Change the policy of a provisioning key',
    body: keyChange(anyTime),
    answers: { 200: keyShown },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
    tagged: true,
  },
  'POST /admin/v1/keys/:kid/cancel': {
    scope: 'keys:rotate',
    concerns: 'kid',
    summary: 'Cancel a provisioning key that was never used',
    answers: { 200: keyShown },
    refusals: ['conflict'],
    idempotent: true,
    tagged: true,
  },
  'POST /admin/v1/keys/:kid/reveal': {
    scope: 'keys:mint',
    concerns: 'kid',
    summary: 'Show the text of a key that was withheld when it was minted, once',
    answers: { 200: keyShown },
    refusals: ['conflict'],
    idempotent: true,
    tagged: true,
  },
} satisfies NounOperations
