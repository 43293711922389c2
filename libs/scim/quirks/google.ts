import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const mappings = 'Google Workspace: Apps > Web and mobile apps > the application > Autoprovisioning > Attribute mapping'

const workspace = defineDialect({
  name: 'google',
  quirks: [
    {
      code: 'google-plain-json',
      habit: 'Sends users alone, never groups, as application/json.',
      evidence: [{ grade: 'reported', row: 'google: content type' }],
    },
  ],
  settings: { 'unknown-attribute': mappings, 'unknown-schema': mappings },
})

export const google: IdentityProvider = {
  kind: 'google',
  userAgent: /^Google-Auto-Provisioning/i,
  dialects: [workspace],
  dialectOf: () => workspace,
}
