import { defineDialect } from './dialect.ts'
import type { IdentityProvider } from './identity-provider.ts'
import type { Quirk } from './quirk.ts'

const flag = 'aadOptscim062020'
const appendFlag = `Entra ID: the application > Provisioning > Admin Credentials > Tenant URL: append ?${flag}`
const mappings = 'Entra ID: the application > Provisioning > Mappings'

const bothModes: readonly Quirk[] = [
  {
    code: 'entra-creates-by-filter',
    habit:
      'Sets emails[type eq "work"].value of a user who has no such e-mail, by add or replace, and means it to be made.',
    evidence: [
      { grade: 'reported', row: 'entra: add filtered value on empty array' },
      { grade: 'documented', row: 'entra: update multi' },
      { grade: 'documented', row: 'entra-flag: update multi (aadOptscim062020)' },
    ],
    shows: 'created-by-filter',
    tolerates: { createsByReplace: true },
  },
  {
    code: 'entra-several-primaries',
    habit: 'Marks an element of each type primary when a mapping sets a constant for each.',
    evidence: [{ grade: 'inferred', row: 'entra: create user with two primary e-mails' }],
    shows: 'several-primaries',
    tolerates: { lastPrimary: true },
    setting: `${mappings}: keep one mapping to ...[type eq "..."].primary for each attribute`,
  },
  {
    code: 'entra-compares-value-path',
    habit: 'Looks users up by emails[type eq "work"].value eq "...", which the grammar of filters does not have.',
    evidence: [{ grade: 'documented', row: 'entra: match by work mail' }],
    shows: 'compared-value-path',
    tolerates: { comparedValuePaths: true },
    setting: `${mappings}: match objects by userName or externalId`,
  },
  {
    code: 'entra-role-display-name',
    habit: 'Names the display of a role displayName.',
    evidence: [{ grade: 'documented', row: 'entra: roles POST with displayName sub-attribute' }],
    shows: 'renamed-sub-attribute',
    tolerates: { renames: [{ attribute: 'roles', from: 'displayName', to: 'display' }] },
    setting: `${mappings}: map roles by AssertiveAppRoleAssignmentsComplex`,
  },
  {
    code: 'entra-roles-in-strings',
    habit: 'Sends the value of a role as JSON in a string.',
    evidence: [{ grade: 'documented', row: 'entra: roles PATCH as JSON string' }],
    shows: 'json-in-string',
    setting: `${mappings}: map roles by AssertiveAppRoleAssignmentsComplex`,
  },
  {
    code: 'entra-unquoted-literals',
    habit: 'Looks users up by externalId eq jyoung, without quotes.',
    evidence: [{ grade: 'documented', row: 'entra: match externalId unquoted' }],
    shows: 'unquoted-literal',
  },
  {
    code: 'entra-manager-without-urn',
    habit: 'Names the manager by the bare path "manager".',
    evidence: [
      { grade: 'documented', row: 'entra: manager as array with $ref' },
      { grade: 'documented', row: 'entra: reference probe' },
    ],
    shows: 'unqualified-attribute',
    setting: `${mappings}: map to urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager`,
  },
  {
    code: 'entra-manager-in-array',
    habit: 'Sends the manager as an array of one.',
    evidence: [{ grade: 'documented', row: 'entra: manager as array with $ref' }],
    shows: 'many-as-single',
  },
  {
    code: 'entra-manager-as-string',
    habit: 'Sends the manager as the bare id.',
    evidence: [{ grade: 'reported', row: 'entra: manager as string' }],
    shows: 'bare-value',
  },
  {
    code: 'entra-attributes-at-the-root',
    habit:
      'Sends attributes of the enterprise extension beside those of the core schema when their mapping has no URN.',
    evidence: [{ grade: 'documented', row: 'entra: create user with nulls and root-level ext attrs' }],
    shows: 'unknown-attribute',
    setting: `${mappings}: map to urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:...`,
  },
  {
    code: 'entra-schemas-of-its-own',
    habit: 'Names schemas in "schemas" that it does not use, among them one of Microsoft and one that is misspelt.',
    evidence: [
      { grade: 'documented', row: 'entra: create group' },
      { grade: 'documented', row: 'entra: create user with nulls and root-level ext attrs' },
    ],
    shows: 'unknown-schema',
    setting: 'Entra ID: replace a provisioning job whose id begins with customappsso by one that begins with scim',
  },
  {
    code: 'entra-no-operations',
    habit: 'Sends a PATCH without operations; so does the SCIM Validator of Microsoft.',
    evidence: [{ grade: 'reported', row: 'entra: no operations' }],
    shows: 'empty-operations',
  },
  {
    code: 'entra-sends-nulls',
    habit: 'Sends null for an attribute that has no value.',
    evidence: [{ grade: 'documented', row: 'entra: create user with nulls and root-level ext attrs' }],
  },
  {
    code: 'entra-reads-groups-without-members',
    habit: 'Reads a group without its members, which may be many.',
    evidence: [{ grade: 'documented', row: 'entra: get group' }],
  },
  {
    code: 'entra-deletes-late',
    habit: 'Sets active to false when somebody loses access, and deletes 30 days after the account was deleted.',
    evidence: [
      { grade: 'documented', row: 'entra: hard delete' },
      { grade: 'documented', row: 'entra: disable (default)' },
    ],
  },
  {
    code: 'entra-flags-in-the-query',
    habit: 'Repeats the flags of its tenant URL in the query of each request.',
    evidence: [{ grade: 'documented', row: 'entra-flag: update multi (aadOptscim062020)' }],
  },
  {
    code: 'entra-probes-with-a-random-name',
    habit: 'Tests the connection by looking for a user that cannot exist, and wants 200 with an empty list.',
    evidence: [{ grade: 'documented', row: 'entra: Test Connection' }],
  },
]

const withoutFlag: readonly Quirk[] = [
  {
    code: 'entra-capital-operations',
    habit: 'Writes Add, Replace and Remove.',
    evidence: [{ grade: 'documented', row: 'entra: disable (default)' }],
    shows: 'operation-letter-case',
    setting: appendFlag,
  },
  {
    code: 'entra-booleans-as-strings',
    habit: 'Sends booleans as "True" and "False" in a PATCH, those of extensions too.',
    evidence: [
      { grade: 'inferred', row: 'entra: set custom boolean attribute (default)' },
      { grade: 'documented', row: 'entra: disable (default)' },
    ],
    shows: 'boolean-as-string',
    tolerates: { scalarsInStrings: true },
    setting: appendFlag,
  },
  {
    code: 'entra-numbers-as-strings',
    habit: 'Sends numbers as strings in a PATCH, as it does booleans.',
    evidence: [{ grade: 'inferred', row: 'entra: set custom integer attribute (default)' }],
    shows: 'number-as-string',
    tolerates: { scalarsInStrings: true },
    setting: appendFlag,
  },
  {
    code: 'entra-removes-by-value',
    habit: 'Removes members by a value beside the path "members".',
    evidence: [{ grade: 'documented', row: 'entra: remove member (default)' }],
    shows: 'value-on-remove',
    setting: appendFlag,
  },
]

const withFlag: readonly Quirk[] = [
  {
    code: 'entra-062020-keys-are-paths',
    habit: 'Replaces several attributes without a path, by keys that are paths.',
    evidence: [{ grade: 'documented', row: 'entra-flag: update multi (aadOptscim062020)' }],
    shows: 'flattened-key',
  },
]

const settings = { 'read-only-attribute': mappings }
const before = defineDialect({ name: 'entra', quirks: [...withoutFlag, ...bothModes], settings })
const after = defineDialect({ name: 'entra-062020', quirks: [...withFlag, ...bothModes], settings })

/** The flag on the tenant URL tells the two modes apart. */
export const entra: IdentityProvider = {
  kind: 'entra',
  dialects: [before, after],
  dialectOf: ({ query }) => (query.has(flag) ? after : before),
  givesItselfAway: ({ query }) => query.has(flag) || comparesValuePath(query.get('filter') ?? ''),
}

function comparesValuePath(filter: string): boolean {
  return /\]\.[a-z]/i.test(filter)
}
