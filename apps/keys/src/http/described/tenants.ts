import { listOf, tenantShown } from '../answer-schemas.ts'
import { newTenant, tenantBody, tenantsQuery } from '../tenants.controller.ts'
import { read, type NounOperations } from './noun-operations.ts'

export const tenants = {
  'POST /admin/v1/tenants': {
    scope: 'tenants:write',
    concerns: 'all',
    summary: 'Make a tenant',
    body: newTenant,
    answers: { 201: tenantShown },
    refusals: ['conflict'],
    idempotent: true,
    tagged: true,
  },
  'GET /admin/v1/tenants': {
    scope: 'tenants:read',
    concerns: 'own',
    summary: 'List tenants',
    query: tenantsQuery,
    answers: { 200: listOf(tenantShown) },
  },
  'GET /admin/v1/tenants/:tenant': read('Show a tenant', { scope: 'tenants:read', concerns: 'tenant' }, tenantShown),
  'PUT /admin/v1/tenants/:tenant': {
    scope: 'tenants:write',
    concerns: 'tenant',
    summary: 'Make the tenant of that id, or change it',
    body: tenantBody,
    answers: { 200: tenantShown, 201: tenantShown },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
    tagged: true,
  },
  'DELETE /admin/v1/tenants/:tenant': {
    scope: 'tenants:write',
    concerns: 'tenant',
    summary: 'Delete a tenant that has no connections',
    answers: { 204: null },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
  },
} satisfies NounOperations
