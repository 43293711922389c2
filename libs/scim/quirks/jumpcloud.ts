import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const mappings = 'JumpCloud: SSO Applications > the application > Identity Management > Attribute Mapping'

const connector = defineDialect({
  name: 'jumpcloud',
  quirks: [
    {
      code: 'jumpcloud-removes-by-value',
      habit: 'Removes members by a value beside the path "members".',
      evidence: [{ grade: 'reported', row: 'jumpcloud: remove member' }],
      shows: 'value-on-remove',
    },
    {
      code: 'jumpcloud-null-emails',
      habit: 'Sends emails as null for a user who has none.',
      evidence: [{ grade: 'captured', row: 'jumpcloud: update user PUT, emails null' }],
    },
    {
      code: 'jumpcloud-tests-by-writing',
      habit: 'Creates and deletes a test user and a test group when it is activated.',
      evidence: [
        { grade: 'captured', row: 'jumpcloud: create user' },
        { grade: 'inferred', row: 'jumpcloud: delete test user' },
      ],
    },
  ],
  settings: { 'unknown-attribute': mappings, 'unknown-schema': mappings },
})

export const jumpcloud: IdentityProvider = {
  kind: 'jumpcloud',
  dialects: [connector],
  dialectOf: () => connector,
}
