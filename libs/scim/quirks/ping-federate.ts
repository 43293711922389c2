import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const provisioner = 'PingFederate: the SP connection > Outbound Provisioning > SCIM provisioner settings'
const mappings = 'PingFederate: the SP connection > Outbound Provisioning > the channel > Attribute Mapping'

const connector = defineDialect({
  name: 'pingfederate',
  quirks: [
    {
      code: 'pingfederate-unquoted-literals',
      habit: 'Looks users up by userName eq ... or emails eq ..., without quotes.',
      evidence: [
        { grade: 'inferred', row: 'pingfederate: match user by work mail' },
        { grade: 'inferred', row: 'pingfederate: match user' },
      ],
      shows: 'unquoted-literal',
      setting: `${provisioner} > Filter Expression: put "%s" in quotes`,
    },
    {
      code: 'pingfederate-bare-emails',
      habit: 'Compares emails itself, which means its value.',
      evidence: [{ grade: 'documented', row: 'pingfederate: match user by work mail' }],
      setting: `${provisioner} > Unique User Identifier`,
    },
    {
      code: 'pingfederate-lists-all-groups',
      habit: 'Finds a group by reading all groups, page by page.',
      evidence: [{ grade: 'documented', row: 'pingfederate: find group' }],
      setting: `${provisioner} > Results Per Page`,
    },
    {
      code: 'pingfederate-replaces',
      habit: 'Puts users back whole for every change, and groups unless it is told to patch them.',
      evidence: [
        { grade: 'documented', row: 'pingfederate: update user' },
        { grade: 'documented', row: 'pingfederate: update group' },
      ],
      setting: `${provisioner} > Use PATCH for Group Updates`,
    },
  ],
  settings: {
    'unknown-attribute': mappings,
    'unknown-filter-attribute': `${provisioner} > Filter Expression`,
    'unknown-schema': `${provisioner} > Custom Attribute Schema URNs`,
  },
})

export const pingFederate: IdentityProvider = {
  kind: 'pingfederate',
  dialects: [connector],
  dialectOf: () => connector,
}
