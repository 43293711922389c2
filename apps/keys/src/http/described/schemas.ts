import { listOf, schemaDocumentShape, schemaShown } from '../answer-schemas.ts'
import { whatChanges, whatItExtends } from '../schemas.controller.ts'
import { read, type NounOperations } from './noun-operations.ts'

export const schemas = {
  'POST /admin/v1/connections/:connection/schemas': {
    scope: 'connections:write',
    concerns: 'connection',
    summary: 'Add an extension schema',
    query: whatItExtends,
    body: schemaDocumentShape,
    answers: { 201: schemaShown },
    refusals: ['conflict'],
    idempotent: true,
    tagged: true,
  },
  'GET /admin/v1/connections/:connection/schemas': {
    scope: 'connections:read',
    concerns: 'connection',
    summary: 'List the extension schemas of a connection',
    answers: { 200: listOf(schemaShown) },
  },
  'GET /admin/v1/connections/:connection/schemas/:urn': read(
    'Show an extension schema',
    { scope: 'connections:read', concerns: 'connection' },
    schemaShown,
  ),
  'PUT /admin/v1/connections/:connection/schemas/:urn': {
    scope: 'connections:write',
    concerns: 'connection',
    summary: 'Change an extension schema',
    query: whatChanges,
    body: schemaDocumentShape,
    answers: { 200: schemaShown },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
    tagged: true,
  },
  'DELETE /admin/v1/connections/:connection/schemas/:urn': {
    scope: 'connections:write',
    concerns: 'connection',
    summary: 'Remove an extension schema that is not in use',
    answers: { 204: null },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
  },
} satisfies NounOperations
