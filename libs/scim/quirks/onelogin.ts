import { isObject } from '../json.ts'
import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'

const template = 'OneLogin: the application > Configuration > SCIM JSON Template'

const connector = defineDialect({
  name: 'onelogin',
  quirks: [
    {
      code: 'onelogin-wants-plain-json',
      habit: 'Takes answers as application/json alone.',
      evidence: [{ grade: 'documented', row: 'onelogin: connection probe' }],
      tolerates: { plainJson: true },
    },
    {
      code: 'onelogin-one-for-many',
      habit: 'Sends emails as one object.',
      evidence: [{ grade: 'reported', row: 'onelogin: emails as object' }],
      shows: 'single-as-many',
      tolerates: { oneForMany: true },
      setting: `${template}: write emails as an array`,
    },
    {
      code: 'onelogin-manager-id',
      habit: 'Names the value of the manager managerId.',
      evidence: [{ grade: 'reported', row: 'onelogin: create with template artefacts' }],
      shows: 'renamed-sub-attribute',
      tolerates: { renames: [{ attribute: 'manager', from: 'managerId', to: 'value' }] },
      setting: `${template}: write "manager": {"value": ...}`,
    },
    {
      code: 'onelogin-booleans-as-strings',
      habit: 'Sends booleans as strings where the template has quotes around them.',
      evidence: [{ grade: 'inferred', row: 'onelogin: create with template artefacts' }],
      shows: 'boolean-as-string',
      setting: `${template}: remove the quotes`,
    },
    {
      code: 'onelogin-unnamed-extension',
      habit: 'Sends attributes of the enterprise extension without its URN in "schemas".',
      evidence: [{ grade: 'reported', row: 'onelogin: create with template artefacts' }],
      shows: 'missing-schema',
      setting: `${template}: add the URN to "schemas"`,
    },
    {
      code: 'onelogin-probes-with-an-unknown-name',
      habit: 'Tests the connection by looking for a user that does not exist.',
      evidence: [{ grade: 'documented', row: 'onelogin: connection probe' }],
    },
    {
      code: 'onelogin-null-id',
      habit: 'Sends id as null when it creates a user.',
      evidence: [{ grade: 'reported', row: 'onelogin: create with template artefacts' }],
    },
  ],
  settings: { 'unknown-attribute': template, 'unknown-schema': template, 'read-only-attribute': template },
})

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

export const onelogin: IdentityProvider = {
  kind: 'onelogin',
  dialects: [connector],
  dialectOf: () => connector,
  givesItselfAway: ({ body }) => isObject(body) && namesManagerId(body),
}

function namesManagerId(body: Record<string, unknown>): boolean {
  const block = body[enterprise]
  const manager = isObject(block) ? block['manager'] : undefined
  return isObject(manager) && 'managerId' in manager
}
