import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { Quirk } from './quirk.ts'

const mappings = 'Okta: the application > Provisioning > To App > Attribute Mappings'

const everyApp: readonly Quirk[] = [
  {
    code: 'okta-echoes-read-only',
    habit: 'Sends back what it read, with id, meta and groups, and groups as [] when it creates a user.',
    evidence: [
      { grade: 'captured', row: 'okta-aiw: update user = GET id then PUT merged' },
      { grade: 'documented', row: 'okta: create user' },
    ],
    shows: 'read-only-attribute',
  },
  {
    code: 'okta-always-sends-password',
    habit: 'Sends a password with every new user, one that it made up when passwords are not synchronized.',
    evidence: [{ grade: 'documented', row: 'okta: create user' }],
    setting: 'Okta: the application > Provisioning > To App > Sync Password',
  },
]

const customApp: readonly Quirk[] = [
  {
    code: 'okta-custom-replaces',
    habit:
      'Reads a user or group and puts it back whole for every change; deactivates by active: false and never deletes a user.',
    evidence: [
      { grade: 'captured', row: 'okta-aiw: deactivate = GET id then PUT active:false' },
      { grade: 'documented', row: 'okta-aiw: membership/rename = GET id then PUT' },
    ],
  },
]

const catalogApp: readonly Quirk[] = [
  {
    code: 'okta-catalog-rename-carries-id',
    habit: 'Renames a group by a replace without a path that holds its id, and does so with every push of its members.',
    evidence: [{ grade: 'documented', row: 'okta-oin: rename group (sent on every membership push)' }],
    shows: 'read-only-attribute',
    setting: 'Okta: the application > Push Groups > Group Push Settings > Rename groups',
  },
  {
    code: 'okta-catalog-pushes-no-members',
    habit: 'Replaces the members of a group that has none by an empty array.',
    evidence: [{ grade: 'reported', row: 'okta-oin: Push now on empty group' }],
  },
]

const settings = { 'unknown-attribute': mappings, 'unknown-schema': mappings }
const anyApp = defineDialect({ name: 'okta', quirks: everyApp, settings })
const custom = defineDialect({ name: 'okta-custom', quirks: [...everyApp, ...customApp], settings })
const catalog = defineDialect({ name: 'okta-catalog', quirks: [...catalogApp, ...everyApp], settings })

/** An application of one's own never patches, one of the catalogue changes groups and `active` by PATCH alone. */
export const okta: IdentityProvider = {
  kind: 'okta',
  userAgent: /^Okta SCIM Client/i,
  dialects: [anyApp, custom, catalog],
  dialectOf({ method, path, body }) {
    if (method === 'PATCH') return catalog
    const deactivates = typeof body === 'object' && body !== null && 'active' in body && body.active === false
    return method === 'PUT' && (path.startsWith('/Groups') || deactivates) ? custom : anyApp
  },
}
