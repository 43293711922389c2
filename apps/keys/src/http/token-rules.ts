import { z } from 'zod'
import { adminScopes } from '#libs/admin/index'
import { tenantId } from '../tenant.ts'
import { allowlistRule, nameRule } from './rules.ts'

const scopes = z
  .array(z.enum(adminScopes, `is none of ${adminScopes.join(', ')}`))
  .min(1, 'must name a scope')
  .transform((named) => adminScopes.filter((scope) => named.includes(scope)))
/** null: all there are and will be. */
const tenants = z
  .array(z.string().regex(tenantId, 'is not the id of a tenant'))
  .min(1, 'must name a tenant; null means all tenants')
  .max(100, 'names more than 100 tenants')
  .transform((named) => [...new Set(named)].sort())
  .nullable()
const expiresAt = z.iso
  .datetime({ offset: true, message: 'is not an instant like 2026-11-24T15:00:00Z' })
  .transform((text) => new Date(text))
  .nullable()

export const newToken = z.strictObject({
  name: nameRule,
  scopes,
  tenants: tenants.optional(),
  allowlist: allowlistRule.optional(),
  expiresAt: expiresAt.optional(),
})

export const tokenChange = newToken.partial()
