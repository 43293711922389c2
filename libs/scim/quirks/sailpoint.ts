import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const source = 'SailPoint: the SCIM 2.0 source'

const connector = defineDialect({
  name: 'sailpoint',
  quirks: [
    {
      code: 'sailpoint-adds-to-replace',
      habit: 'Sets active, like any single value, by an add without a path.',
      evidence: [{ grade: 'reported', row: 'sailpoint: disable account' }],
      setting: `${source} > Additional Settings > Use HTTP Patch`,
    },
    {
      code: 'sailpoint-discovers-schemas',
      habit: 'Reads /Schemas to learn which attributes an account has.',
      evidence: [{ grade: 'inferred', row: 'sailpoint: discover schema' }],
      setting: `${source} > Account Schema > Discover Schema`,
    },
  ],
  settings: { 'unknown-attribute': `${source} > Account Schema`, 'unknown-schema': `${source} > Account Schema` },
})

export const sailpoint: IdentityProvider = {
  kind: 'sailpoint',
  dialects: [connector],
  dialectOf: () => connector,
}
