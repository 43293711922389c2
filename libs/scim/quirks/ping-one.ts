import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const connection = 'PingOne: Integrations > Provisioning > the connection > Configuration'

const mappings = 'PingOne: Integrations > Provisioning > the rule > Attribute Mapping'

const connector = defineDialect({
  name: 'pingone',
  quirks: [
    {
      code: 'pingone-filter-of-no-attribute',
      habit:
        'Looks users up by the filter that its administrator wrote; the documented example names "email", which no schema defines.',
      evidence: [{ grade: 'documented', row: 'pingone: match user by email' }],
      shows: 'unknown-filter-attribute',
      setting: `${connection} > User Filter Expression: name userName or emails.value`,
    },
    {
      code: 'pingone-letter-case-of-filters',
      habit: 'Writes attributes and operators of filters in letter cases of its own, such as username Eq.',
      evidence: [{ grade: 'documented', row: 'pingone: match user by username' }],
      setting: `${connection} > User Filter Expression`,
    },
  ],
  settings: { 'unknown-attribute': mappings, 'unknown-schema': mappings },
})

export const pingOne: IdentityProvider = {
  kind: 'pingone',
  dialects: [connector],
  dialectOf: () => connector,
}
