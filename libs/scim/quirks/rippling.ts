import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const integration = 'Rippling: IT > Third-Party Access > the integration'

const connector = defineDialect({
  name: 'rippling',
  quirks: [
    {
      code: 'rippling-probes-the-configuration',
      habit: 'Tests the connection by reading /ServiceProviderConfig.',
      evidence: [{ grade: 'reported', row: 'rippling: test connection' }],
    },
    {
      code: 'rippling-patches-groups-if-told',
      habit: 'Changes groups by PATCH where its administrator says that this is supported, else by PUT.',
      evidence: [{ grade: 'inferred', row: 'rippling: add member' }],
      setting: `${integration} > SCIM: Use PATCH to edit Groups`,
    },
  ],
  settings: {
    'unknown-attribute': `${integration} > Supported SCIM Attributes, and Attribute Mappings`,
    'unknown-schema': `${integration} > Supported SCIM Attributes, and Attribute Mappings`,
  },
})

export const rippling: IdentityProvider = {
  kind: 'rippling',
  dialects: [connector],
  dialectOf: () => connector,
}
