import type { IdentityProvider } from '#libs/events/index'

/** What one step of a conversation does, and everything that must be true after it. `{name}` stands for an id given earlier. */
export interface Step {
  /** "idp: name" of a recorded request; `own` where none was recorded. */
  readonly row?: string
  readonly own?: { readonly method: string; readonly path: string }
  /** Sent in place of the recorded body, or where none was recorded. */
  readonly body?: object
  /** Text of the recorded request that is replaced. */
  readonly instead?: Readonly<Record<string, string>>
  readonly status: number
  /** Under which names the id that was answered is known from now on. */
  readonly as?: readonly string[]
  /** Lifecycle events that the step brought about, as "name subject". */
  readonly events?: readonly string[]
  /** The whole resource as read afterwards, without id and meta. */
  readonly scim?: object
  /** The whole resource as answered, without id and meta, where that is not what is read afterwards. */
  readonly answered?: object
  /** What the directory says of it, among other things. */
  readonly directory?: object
  /** Ids that a list answered. */
  readonly found?: readonly string[]
  /** The dialect that it was read in, where that is not the conversation's name. */
  readonly dialect?: string
  /** Codes of what it deviated in, in their order. */
  readonly deviations?: readonly string[]
}

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User'
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group'
const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

const inGroup = (gid: string, display: string): object => ({
  groups: [{ value: gid, $ref: `{base}/Groups/${gid}`, display, type: 'direct' }],
})
const member = (id: string, display: string): object => ({
  value: id,
  $ref: `{base}/Users/${id}`,
  type: 'User',
  display,
})

const oktaUser = {
  schemas: [userSchema],
  userName: 'test.user@okta.local',
  name: { givenName: 'Test', familyName: 'User' },
  emails: [{ primary: true, value: 'test.user@okta.local', type: 'work' }],
  displayName: 'Test User',
  locale: 'en-US',
  externalId: '00ujl29u0le5T6Aj10h7',
  active: true,
}
const octocat = {
  schemas: [userSchema],
  userName: 'octocat@github.com',
  active: false,
  displayName: 'Mona Octocat',
  emails: [{ primary: true, value: 'octocat@github.com' }],
  externalId: '00u1dhhb1fkIGP7RL1d8',
  name: { givenName: 'Mona', familyName: 'Octocat' },
}
const oktaGroup = { schemas: [groupSchema], displayName: 'Test SCIMv2' }

const okta: readonly Step[] = [
  { row: 'okta: connector test', status: 200, found: [] },
  { row: 'okta: match user', status: 200, found: [] },
  {
    row: 'okta: create user',
    status: 201,
    deviations: ['read-only-attribute'],
    as: ['id', 'uid1'],
    events: ['user.provisioned {id}'],
    scim: oktaUser,
    directory: {
      userName: 'test.user@okta.local',
      givenName: 'Test',
      active: true,
      externalId: '00ujl29u0le5T6Aj10h7',
    },
  },
  { row: 'okta: create user', status: 409, deviations: ['read-only-attribute'], events: [] },
  { row: 'okta: match user', status: 200, found: ['{id}'] },
  {
    row: 'okta-aiw: update user = GET id then PUT merged',
    status: 200,
    deviations: ['read-only-attribute', 'read-only-attribute', 'read-only-attribute'],
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema],
      userName: 'jane@test.com',
      name: { givenName: 'Jane', familyName: 'Smith', formatted: 'Mona Octocat' },
      emails: [{ primary: true, type: 'work', value: 'jane@test.com' }],
      displayName: 'Jane Smith',
      locale: 'en-US',
      externalId: '00u6a15d23T9AeHhF5d7',
      active: true,
    },
    directory: {
      userName: 'jane@test.com',
      displayName: 'Jane Smith',
      emails: [{ value: 'jane@test.com', type: 'work', primary: true }],
    },
  },
  { row: 'okta: match user', status: 200, found: [] },
  {
    row: 'okta-aiw: deactivate = GET id then PUT active:false',
    status: 200,
    dialect: 'okta-custom',
    deviations: ['read-only-attribute', 'read-only-attribute'],
    events: ['user.changed {id}', 'user.deactivated {id}'],
    scim: octocat,
    directory: { userName: 'octocat@github.com', active: false },
  },
  {
    row: 'okta: create user',
    status: 201,
    deviations: ['read-only-attribute'],
    as: ['id', 'uid2'],
    events: ['user.provisioned {id}'],
    scim: oktaUser,
    directory: { active: true },
  },
  {
    row: 'okta-oin: deactivate',
    status: 200,
    dialect: 'okta-catalog',
    events: ['user.deactivated {id}'],
    scim: { ...oktaUser, active: false },
    directory: { userName: 'test.user@okta.local', active: false },
  },
  {
    row: 'okta-oin: deactivate',
    status: 200,
    dialect: 'okta-catalog',
    events: [],
    scim: { ...oktaUser, active: false },
    directory: { active: false },
  },
  { row: 'okta: match group', status: 200, found: [] },
  {
    row: 'okta: create group',
    status: 201,
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: oktaGroup,
    directory: { displayName: 'Test SCIMv2', members: { items: [] } },
  },
  { row: 'okta: match group', status: 200, found: ['{gid}'] },
  {
    row: 'okta-oin: rename group (sent on every membership push)',
    status: 200,
    dialect: 'okta-catalog',
    deviations: ['read-only-attribute'],
    events: [],
    scim: oktaGroup,
    directory: { displayName: 'Test SCIMv2' },
  },
  {
    own: { method: 'PATCH', path: '/Groups/{gid}' },
    body: { schemas: [patchSchema], Operations: [{ op: 'replace', value: { id: '{gid}', displayName: 'Before' } }] },
    status: 200,
    dialect: 'okta-catalog',
    deviations: ['read-only-attribute'],
    events: ['group.changed {gid}'],
    scim: { ...oktaGroup, displayName: 'Before' },
    directory: { displayName: 'Before' },
  },
  {
    row: 'okta-oin: rename group (sent on every membership push)',
    status: 200,
    dialect: 'okta-catalog',
    deviations: ['read-only-attribute'],
    events: ['group.changed {gid}'],
    scim: oktaGroup,
    directory: { displayName: 'Test SCIMv2' },
  },
  {
    row: 'okta-oin: full push',
    status: 200,
    dialect: 'okta-catalog',
    events: ['group.members-changed {gid}'],
    scim: { ...oktaGroup, members: [member('{uid1}', 'Mona Octocat'), member('{uid2}', 'Test User')] },
    directory: {
      members: {
        items: [
          { id: '{uid1}', kind: 'user', displayName: 'Mona Octocat' },
          { id: '{uid2}', kind: 'user', displayName: 'Test User' },
        ],
      },
    },
  },
  {
    row: 'okta-aiw: membership/rename = GET id then PUT',
    status: 200,
    dialect: 'okta-custom',
    events: ['group.members-changed {gid}'],
    scim: { ...oktaGroup, members: [member('{uid1}', 'Mona Octocat')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'Mona Octocat' }] } },
  },
  {
    row: 'okta-oin: membership',
    status: 200,
    dialect: 'okta-catalog',
    events: ['group.members-changed {gid}'],
    scim: { ...oktaGroup, members: [member('{uid2}', 'Test User')] },
    directory: { members: { items: [{ id: '{uid2}', kind: 'user', displayName: 'Test User' }] } },
  },
  {
    row: 'okta-oin: membership',
    status: 200,
    dialect: 'okta-catalog',
    events: [],
    scim: { ...oktaGroup, members: [member('{uid2}', 'Test User')] },
    directory: {},
  },
  {
    row: 'okta-oin: Push now on empty group',
    status: 200,
    dialect: 'okta-catalog',
    events: ['group.members-changed {gid}'],
    scim: oktaGroup,
    directory: { members: { items: [] } },
  },
  { row: 'okta: import page', status: 200, found: ['{uid1}', '{uid2}'] },
  { row: 'okta: unlink+delete group', status: 204, events: ['group.deleted {gid}'] },
  { row: 'okta: match group', status: 200, found: [] },
]

const entraUser = {
  schemas: [userSchema],
  externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
  userName: 'Test_User_x',
  active: true,
  emails: [{ primary: true, type: 'work', value: 't@testuser.com' }],
  name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'givenName' },
}
const updated = {
  ...entraUser,
  schemas: [userSchema, enterprise],
  displayName: 'Bjfe',
  externalId: 'Eqpj',
  emails: [{ primary: true, type: 'work', value: 'TestMhvaes@test.microsoft.com' }],
  name: { formatted: 'givenName familyName', familyName: 'Unua', givenName: 'Kkom' },
  [enterprise]: { employeeNumber: 'Aklq' },
}
const entraGroup = {
  schemas: [groupSchema],
  externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
  displayName: 'displayName',
}
const role = { primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'Admin', value: 'Admin' }
const alias = {
  schemas: [userSchema],
  externalId: 'alias',
  userName: 'alias@contoso.OnMicrosoft.com',
  active: true,
  displayName: 'First Last',
  roles: [role],
}
const babs = {
  schemas: [userSchema],
  externalId: 'babs',
  userName: 'babs@contoso.com',
  active: true,
  emails: [
    { primary: false, type: 'work', value: 'babs@contoso.com' },
    { primary: true, type: 'other', value: 'babs@home.example' },
  ],
}
const joy = {
  schemas: [userSchema],
  externalId: 'jyoung',
  userName: 'jyoung@testuser.com',
  active: true,
  displayName: 'Joy Young',
  emails: [{ type: 'work', value: 'jyoung@Contoso.com', primary: true }],
  name: { familyName: 'Young', givenName: 'Joy' },
}

const entra: readonly Step[] = [
  { row: 'entra: Test Connection', status: 200, found: [] },
  { row: 'entra: match by work mail', status: 200, deviations: ['compared-value-path'], found: [] },
  {
    row: 'entra: create user',
    status: 201,
    deviations: ['read-only-attribute'],
    as: ['id', 'uid1', 'mid'],
    events: ['user.provisioned {id}'],
    scim: entraUser,
    directory: { userName: 'Test_User_x', formattedName: 'givenName familyName', active: true },
  },
  {
    row: 'entra: match by work mail',
    instead: { 'user@contoso.com': 'T@TESTUSER.com' },
    status: 200,
    deviations: ['compared-value-path'],
    found: ['{id}'],
  },
  {
    row: 'entra: update multi',
    status: 200,
    deviations: ['operation-letter-case'],
    events: ['user.changed {id}'],
    scim: {
      ...entraUser,
      schemas: [userSchema, enterprise],
      displayName: 'Pvlo',
      externalId: 'Eqpj',
      emails: [{ primary: true, type: 'work', value: 'TestBcwqnm@test.microsoft.com' }],
      name: { formatted: 'givenName familyName', familyName: 'familyName', givenName: 'Gtfd' },
      [enterprise]: { employeeNumber: 'Eqpj' },
    },
    directory: { displayName: 'Pvlo', employeeNumber: 'Eqpj', givenName: 'Gtfd', externalId: 'Eqpj' },
  },
  {
    row: 'entra-flag: update multi (aadOptscim062020)',
    status: 200,
    dialect: 'entra-062020',
    deviations: ['flattened-key', 'flattened-key', 'flattened-key'],
    events: ['user.changed {id}'],
    scim: updated,
    directory: { displayName: 'Bjfe', employeeNumber: 'Aklq', familyName: 'Unua' },
  },
  {
    row: 'entra: create group',
    status: 201,
    deviations: ['unknown-schema', 'read-only-attribute'],
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: entraGroup,
    directory: { displayName: 'displayName' },
  },
  {
    own: { method: 'PATCH', path: '/Groups/{gid}' },
    body: { schemas: [patchSchema], Operations: [{ op: 'Add', path: 'members', value: [{ value: '{uid1}' }] }] },
    status: 200,
    deviations: ['operation-letter-case'],
    events: ['group.members-changed {gid}'],
    scim: { ...entraGroup, members: [member('{uid1}', 'Bjfe')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'Bjfe' }] } },
  },
  {
    row: 'entra: get group',
    status: 200,
    answered: entraGroup,
    scim: { ...entraGroup, members: [member('{uid1}', 'Bjfe')] },
    directory: {},
  },
  {
    row: 'entra: disable (default)',
    status: 200,
    deviations: ['operation-letter-case', 'boolean-as-string'],
    events: ['user.deactivated {id}'],
    scim: { ...updated, active: false, ...inGroup('{gid}', 'displayName') },
    directory: { active: false, groups: [{ id: '{gid}', displayName: 'displayName', direct: true }] },
  },
  {
    row: 'entra: restore',
    status: 200,
    deviations: ['operation-letter-case', 'boolean-as-string'],
    events: ['user.reactivated {id}'],
    scim: { ...updated, ...inGroup('{gid}', 'displayName') },
    directory: { active: true, groups: [{ id: '{gid}', displayName: 'displayName', direct: true }] },
  },
  {
    row: 'entra-flag: disable',
    status: 200,
    events: ['user.deactivated {id}'],
    scim: { ...updated, active: false, ...inGroup('{gid}', 'displayName') },
    directory: { active: false },
  },
  {
    row: 'entra: restore',
    status: 200,
    deviations: ['operation-letter-case', 'boolean-as-string'],
    events: ['user.reactivated {id}'],
    scim: { ...updated, ...inGroup('{gid}', 'displayName') },
    directory: { active: true },
  },
  {
    row: 'entra-flag: remove member',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: entraGroup,
    directory: { members: { items: [] } },
  },
  {
    row: 'entra: add single-valued attribute (default)',
    status: 200,
    deviations: ['operation-letter-case'],
    events: ['user.changed {id}'],
    scim: { ...updated, nickName: 'Babs' },
    directory: { displayName: 'Bjfe' },
  },
  {
    row: 'entra: no operations',
    status: 200,
    deviations: ['empty-operations'],
    events: [],
    scim: { ...updated, nickName: 'Babs' },
    directory: {},
  },
  {
    row: 'entra: set custom boolean attribute (default)',
    status: 200,
    deviations: ['operation-letter-case', 'unknown-attribute'],
    events: [],
    scim: { ...updated, nickName: 'Babs' },
    directory: {},
  },
  {
    row: 'entra: set custom integer attribute (default)',
    status: 200,
    deviations: ['operation-letter-case', 'unknown-attribute'],
    events: [],
    scim: { ...updated, nickName: 'Babs' },
    directory: {},
  },
  {
    row: 'entra: create user with two primary e-mails',
    status: 201,
    deviations: ['boolean-as-string', 'boolean-as-string', 'several-primaries', 'read-only-attribute'],
    as: ['uid2'],
    events: ['user.provisioned {uid2}'],
    scim: babs,
    directory: {
      emails: [
        { value: 'babs@contoso.com', type: 'work', primary: false },
        { value: 'babs@home.example', type: 'other', primary: true },
      ],
    },
  },
  {
    own: { method: 'PATCH', path: '/Groups/{gid}' },
    body: {
      schemas: [patchSchema],
      Operations: [{ op: 'Add', path: 'members', value: [{ value: '{uid1}' }, { value: '{uid2}' }] }],
    },
    status: 200,
    deviations: ['operation-letter-case'],
    events: ['group.members-changed {gid}'],
    scim: { ...entraGroup, members: [member('{uid1}', 'Bjfe'), member('{uid2}', 'babs@contoso.com')] },
    directory: {},
  },
  {
    row: 'entra: remove member (default)',
    status: 200,
    deviations: ['operation-letter-case', 'value-on-remove'],
    events: ['group.members-changed {gid}'],
    scim: { ...entraGroup, members: [member('{uid2}', 'babs@contoso.com')] },
    directory: { members: { items: [{ id: '{uid2}', kind: 'user', displayName: 'babs@contoso.com' }] } },
  },
  {
    row: 'entra: create user with nulls and root-level ext attrs',
    status: 201,
    deviations: ['unknown-schema', 'read-only-attribute', 'unknown-attribute', 'unknown-attribute'],
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: joy,
    directory: { userName: 'jyoung@testuser.com', externalId: 'jyoung' },
  },
  { row: 'entra: match externalId unquoted', status: 200, deviations: ['unquoted-literal'], found: ['{id}'] },
  {
    row: 'entra: roles POST with displayName sub-attribute',
    status: 201,
    deviations: ['read-only-attribute', 'renamed-sub-attribute'],
    as: ['id', 'uid2'],
    events: ['user.provisioned {id}'],
    scim: alias,
    directory: { roles: [{ value: 'Admin', type: 'WindowsAzureActiveDirectoryRole', primary: false }] },
  },
  {
    row: 'entra: add filtered value on empty array',
    status: 200,
    deviations: ['operation-letter-case', 'created-by-filter'],
    events: ['user.changed {id}'],
    scim: { ...alias, emails: [{ type: 'work', value: 'something@outlook.com' }] },
    directory: { emails: [{ type: 'work', value: 'something@outlook.com' }] },
  },
  { row: 'entra: reference probe', status: 200, deviations: ['unqualified-attribute'], found: [] },
  {
    row: 'entra: manager as array with $ref',
    status: 200,
    deviations: ['operation-letter-case', 'unqualified-attribute', 'many-as-single'],
    events: ['user.changed {id}'],
    scim: {
      ...alias,
      schemas: [userSchema, enterprise],
      emails: [{ type: 'work', value: 'something@outlook.com' }],
      [enterprise]: { manager: { $ref: 'http://x/scim/Users/{mid}', value: '{mid}' } },
    },
    directory: { managerId: '{mid}' },
  },
  { row: 'entra: reference probe', status: 200, deviations: ['unqualified-attribute'], found: ['{id}'] },
  {
    row: 'entra: manager as string',
    status: 200,
    deviations: ['operation-letter-case', 'bare-value'],
    events: [],
    scim: {
      ...alias,
      schemas: [userSchema, enterprise],
      emails: [{ type: 'work', value: 'something@outlook.com' }],
      [enterprise]: { manager: { $ref: 'http://x/scim/Users/{mid}', value: '{mid}' } },
    },
    directory: { managerId: '{mid}' },
  },
  { row: 'entra: hard delete', status: 204, events: ['user.deprovisioned {id}'] },
  {
    row: 'entra: match externalId unquoted',
    instead: { jyoung: 'alias' },
    status: 200,
    deviations: ['unquoted-literal'],
    found: [],
  },
  {
    own: { method: 'POST', path: '/Users' },
    body: { schemas: [userSchema], userName: 'roles' },
    status: 201,
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: { schemas: [userSchema], userName: 'roles', active: true },
    directory: { roles: [] },
  },
  {
    row: 'entra: manager as string',
    status: 200,
    deviations: ['operation-letter-case', 'bare-value'],
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'roles',
      active: true,
      [enterprise]: { manager: { value: '{mid}' } },
    },
    directory: { managerId: '{mid}' },
  },
  {
    row: 'entra: roles PATCH as JSON string',
    status: 200,
    deviations: ['operation-letter-case', 'json-in-string', 'unknown-attribute', 'renamed-sub-attribute'],
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'roles',
      active: true,
      [enterprise]: { manager: { value: '{mid}' } },
      roles: [{ value: 'Admin', display: 'Admin' }],
    },
    directory: { roles: [{ value: 'Admin' }] },
  },
  {
    row: 'entra: single app role',
    status: 200,
    deviations: ['operation-letter-case', 'boolean-as-string', 'created-by-filter'],
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'roles',
      active: true,
      [enterprise]: { manager: { value: '{mid}' } },
      roles: [{ value: 'Admin', display: 'Admin', primary: true }],
    },
    directory: { roles: [{ value: 'Admin', primary: true }] },
  },
  {
    row: 'entra: replace roles',
    status: 200,
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'roles',
      active: true,
      [enterprise]: { manager: { value: '{mid}' } },
      roles: [
        { primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'User', value: 'User' },
        { primary: false, type: 'WindowsAzureActiveDirectoryRole', display: 'Test', value: 'Test' },
      ],
    },
    directory: {
      roles: [
        { value: 'User', type: 'WindowsAzureActiveDirectoryRole', primary: false },
        { value: 'Test', type: 'WindowsAzureActiveDirectoryRole', primary: false },
      ],
    },
  },
]

const google: readonly Step[] = [
  {
    row: 'google: content type',
    status: 201,
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: {
      schemas: [userSchema],
      userName: 'a@b.c',
      active: true,
      name: { givenName: 'A', familyName: 'B' },
      emails: [{ value: 'a@b.c', primary: true }],
    },
    directory: { userName: 'a@b.c', givenName: 'A', familyName: 'B', active: true },
  },
]

const cloudUser = { schemas: [userSchema], userName: 'testuser@example.io', active: true }

const jumpcloud: readonly Step[] = [
  {
    row: 'jumpcloud: create user',
    body: { ...cloudUser, emails: [{ value: 'testuser@example.io', type: 'work' }] },
    status: 201,
    as: ['id', 'uid1'],
    events: ['user.provisioned {id}'],
    scim: { ...cloudUser, emails: [{ value: 'testuser@example.io', type: 'work' }] },
    directory: { userName: 'testuser@example.io' },
  },
  {
    row: 'jumpcloud: update user PUT, emails null',
    status: 200,
    deviations: ['read-only-attribute'],
    events: ['user.changed {id}'],
    scim: { ...cloudUser, name: { familyName: 'lastname', givenName: 'firstname' } },
    directory: { emails: [], givenName: 'firstname' },
  },
  {
    row: 'jumpcloud: patch user',
    status: 200,
    events: ['user.changed {id}', 'user.deactivated {id}'],
    scim: { ...cloudUser, active: false, name: { familyName: 'Doe', givenName: 'John' } },
    directory: { givenName: 'John', familyName: 'Doe', active: false },
  },
  {
    own: { method: 'POST', path: '/Groups' },
    body: { schemas: [groupSchema], displayName: 'Test group' },
    status: 201,
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: { schemas: [groupSchema], displayName: 'Test group' },
    directory: { displayName: 'Test group' },
  },
  {
    row: 'jumpcloud: add member',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: { schemas: [groupSchema], displayName: 'Test group', members: [member('{uid1}', 'testuser@example.io')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'testuser@example.io' }] } },
  },
  {
    row: 'jumpcloud: remove member',
    status: 200,
    deviations: ['value-on-remove'],
    events: ['group.members-changed {gid}'],
    scim: { schemas: [groupSchema], displayName: 'Test group' },
    directory: { members: { items: [] } },
  },
  { row: 'jumpcloud: delete test group', status: 204, events: ['group.deleted {gid}'] },
  { row: 'jumpcloud: delete test user', status: 204, events: ['user.deprovisioned {id}'] },
]

const onelogin: readonly Step[] = [
  { row: 'onelogin: connection probe', status: 200, found: [] },
  {
    row: 'onelogin: create with template artefacts',
    instead: { '{mid}': '26118915-6090-4610-87e4-49d8ca9f808d' },
    status: 201,
    deviations: [
      'renamed-sub-attribute',
      'read-only-attribute',
      'boolean-as-string',
      'read-only-attribute',
      'missing-schema',
    ],
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'a@b.c',
      active: true,
      emails: [{ value: 'a@b.c', type: 'work', primary: true }],
      name: { familyName: 'B', givenName: 'A', formatted: 'A B' },
      [enterprise]: { department: 'Eng', manager: { value: '26118915-6090-4610-87e4-49d8ca9f808d' } },
    },
    directory: { userName: 'a@b.c', department: 'Eng', active: true },
  },
  {
    row: 'onelogin: emails as object',
    status: 200,
    deviations: ['single-as-many'],
    events: ['user.changed {id}'],
    scim: {
      schemas: [userSchema, enterprise],
      userName: 'a@b.c',
      active: true,
      emails: [{ value: 'a@b.c', type: 'work' }],
      name: { familyName: 'B', givenName: 'A', formatted: 'A B' },
      [enterprise]: { department: 'Eng', manager: { value: '26118915-6090-4610-87e4-49d8ca9f808d' } },
    },
    directory: { emails: [{ value: 'a@b.c', type: 'work' }] },
  },
]

const janet = {
  schemas: [userSchema],
  userName: 'jsmith@example.com',
  active: true,
  name: { givenName: 'Janet', familyName: 'Smith' },
  emails: [{ value: 'jsmith@example.com', type: 'work', primary: true }],
}
const married = { ...janet, name: { givenName: 'Janet', familyName: 'Jones' } }
const engineering = { schemas: [groupSchema], displayName: 'Engineering' }

const pingfederate: readonly Step[] = [
  { row: 'pingfederate: match user', status: 200, deviations: ['unquoted-literal'], found: [] },
  {
    row: 'pingfederate: create user',
    status: 201,
    as: ['id', 'uid1'],
    events: ['user.provisioned {id}'],
    scim: janet,
    directory: { userName: 'jsmith@example.com', familyName: 'Smith', active: true },
  },
  { row: 'pingfederate: match user', status: 200, deviations: ['unquoted-literal'], found: ['{id}'] },
  { row: 'pingfederate: match user by work mail', status: 200, deviations: ['unquoted-literal'], found: ['{id}'] },
  {
    row: 'pingfederate: update user',
    status: 200,
    events: ['user.changed {id}'],
    scim: married,
    directory: { familyName: 'Jones', active: true },
  },
  { row: 'pingfederate: update user', status: 200, events: [], scim: married, directory: {} },
  { row: 'pingfederate: find group', status: 200, found: [] },
  {
    row: 'pingfederate: create group',
    status: 201,
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: engineering,
    directory: { displayName: 'Engineering' },
  },
  { row: 'pingfederate: find group', status: 200, found: ['{gid}'] },
  {
    row: 'pingfederate: update group',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: { ...engineering, members: [member('{uid1}', 'jsmith@example.com')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'jsmith@example.com' }] } },
  },
  {
    row: 'pingfederate: update group by PATCH',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: engineering,
    directory: { members: { items: [] } },
  },
  {
    row: 'pingfederate: disable user',
    status: 200,
    events: ['user.deactivated {id}'],
    scim: { ...married, active: false },
    directory: { active: false },
  },
]

const pingone: readonly Step[] = [
  { row: 'pingone: match user by username', status: 200, found: [] },
  {
    row: 'pingone: create user',
    status: 201,
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: { schemas: [userSchema], userName: janet.userName, active: true, emails: janet.emails },
    directory: { userName: 'jsmith@example.com' },
  },
  { row: 'pingone: match user by username', status: 200, found: ['{id}'] },
  { row: 'pingone: match user by email', status: 200, deviations: ['unknown-filter-attribute'], found: [] },
  { row: 'pingone: create user', status: 409, events: [] },
]

const account = {
  schemas: [userSchema],
  userName: 'ada@example.com',
  active: true,
  emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
}

const sailpoint: readonly Step[] = [
  { row: 'sailpoint: discover schema', status: 200 },
  {
    row: 'sailpoint: create account',
    status: 201,
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: account,
    directory: { active: true },
  },
  {
    row: 'sailpoint: disable account',
    status: 200,
    events: ['user.deactivated {id}'],
    scim: { ...account, active: false },
    directory: { active: false },
  },
]

const rippling: readonly Step[] = [
  { row: 'rippling: test connection', status: 200 },
  {
    row: 'rippling: create user',
    status: 201,
    as: ['id', 'uid1'],
    events: ['user.provisioned {id}'],
    scim: {
      schemas: [userSchema],
      externalId: '5f1b',
      userName: 'ada@example.com',
      active: true,
      name: { givenName: 'Ada', familyName: 'Lovelace' },
      emails: [{ value: 'ada@example.com', primary: true }],
    },
    directory: { userName: 'ada@example.com', externalId: '5f1b' },
  },
  {
    own: { method: 'POST', path: '/Groups' },
    body: { schemas: [groupSchema], displayName: 'Engineering' },
    status: 201,
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: engineering,
    directory: { displayName: 'Engineering' },
  },
  {
    row: 'rippling: add member',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: { ...engineering, members: [member('{uid1}', 'ada@example.com')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'ada@example.com' }] } },
  },
]

/** What each identity provider says to us, from its first probe to its last delete. */
export const conversations = {
  okta,
  entra,
  google,
  onelogin,
  jumpcloud,
  pingfederate,
  pingone,
  sailpoint,
  rippling,
} satisfies Partial<Record<IdentityProvider, readonly Step[]>>
