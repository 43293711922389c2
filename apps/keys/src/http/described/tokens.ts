import { pagingQuery } from '#libs/http/index'
import { listOf, tokenShown } from '../answer-schemas.ts'
import { newToken, tokenChange } from '../token-rules.ts'
import { type NounOperations, read } from './noun-operations.ts'

export const tokens = {
  'POST /admin/v1/tokens': {
    scope: 'tokens:write',
    concerns: 'own',
    summary: 'Make an admin token; what is left out is as the token of the request has it',
    body: newToken,
    answers: { 201: tokenShown },
    refusals: ['moreThanOwn'],
    idempotent: true,
    tagged: true,
  },
  'GET /admin/v1/tokens': {
    scope: 'tokens:read',
    concerns: 'own',
    summary: 'List admin tokens',
    query: pagingQuery,
    answers: { 200: listOf(tokenShown) },
  },
  'GET /admin/v1/tokens/:token': {
    ...read('Show an admin token', { scope: 'tokens:read', concerns: 'own' }, tokenShown),
    refusals: ['notFound'],
  },
  'PATCH /admin/v1/tokens/:token': {
    scope: 'tokens:write',
    concerns: 'own',
    summary: 'Change what an admin token may do',
    body: tokenChange,
    answers: { 200: tokenShown },
    refusals: ['notFound', 'conflict', 'moreThanOwn'],
    conditional: true,
    idempotent: true,
    tagged: true,
  },
  'POST /admin/v1/tokens/:token/revoke': {
    scope: 'tokens:write',
    concerns: 'own',
    summary: 'Revoke an admin token, for good',
    answers: { 200: tokenShown },
    refusals: ['notFound'],
    idempotent: true,
    tagged: true,
  },
} satisfies NounOperations
