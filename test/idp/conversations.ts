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
  { row: 'okta: create user', status: 409, events: [] },
  { row: 'okta: match user', status: 200, found: ['{id}'] },
  {
    row: 'okta-aiw: update user = GET id then PUT merged',
    status: 200,
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
    events: ['user.changed {id}', 'user.deactivated {id}'],
    scim: octocat,
    directory: { userName: 'octocat@github.com', active: false },
  },
  {
    row: 'okta: create user',
    status: 201,
    as: ['id', 'uid2'],
    events: ['user.provisioned {id}'],
    scim: oktaUser,
    directory: { active: true },
  },
  {
    row: 'okta-oin: deactivate',
    status: 200,
    events: ['user.deactivated {id}'],
    scim: { ...oktaUser, active: false },
    directory: { userName: 'test.user@okta.local', active: false },
  },
  {
    row: 'okta-oin: deactivate',
    status: 200,
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
    events: [],
    scim: oktaGroup,
    directory: { displayName: 'Test SCIMv2' },
  },
  {
    own: { method: 'PATCH', path: '/Groups/{gid}' },
    body: { schemas: [patchSchema], Operations: [{ op: 'replace', value: { id: '{gid}', displayName: 'Before' } }] },
    status: 200,
    events: ['group.changed {gid}'],
    scim: { ...oktaGroup, displayName: 'Before' },
    directory: { displayName: 'Before' },
  },
  {
    row: 'okta-oin: rename group (sent on every membership push)',
    status: 200,
    events: ['group.changed {gid}'],
    scim: oktaGroup,
    directory: { displayName: 'Test SCIMv2' },
  },
  {
    row: 'okta-oin: full push',
    status: 200,
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
    events: ['group.members-changed {gid}'],
    scim: { ...oktaGroup, members: [member('{uid1}', 'Mona Octocat')] },
    directory: { members: { items: [{ id: '{uid1}', kind: 'user', displayName: 'Mona Octocat' }] } },
  },
  {
    row: 'okta-oin: membership',
    status: 200,
    events: ['group.members-changed {gid}'],
    scim: { ...oktaGroup, members: [member('{uid2}', 'Test User')] },
    directory: { members: { items: [{ id: '{uid2}', kind: 'user', displayName: 'Test User' }] } },
  },
  {
    row: 'okta-oin: membership',
    status: 200,
    events: [],
    scim: { ...oktaGroup, members: [member('{uid2}', 'Test User')] },
    directory: {},
  },
  {
    row: 'okta-oin: Push now on empty group',
    status: 200,
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
  { row: 'entra: match by work mail', status: 200, found: [] },
  {
    row: 'entra: create user',
    status: 201,
    as: ['id', 'uid1', 'mid'],
    events: ['user.provisioned {id}'],
    scim: entraUser,
    directory: { userName: 'Test_User_x', formattedName: 'givenName familyName', active: true },
  },
  { row: 'entra: match by work mail', instead: { 'user@contoso.com': 'T@TESTUSER.com' }, status: 200, found: ['{id}'] },
  {
    row: 'entra: update multi',
    status: 200,
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
    events: ['user.changed {id}'],
    scim: updated,
    directory: { displayName: 'Bjfe', employeeNumber: 'Aklq', familyName: 'Unua' },
  },
  {
    row: 'entra: create group',
    status: 201,
    as: ['gid'],
    events: ['group.created {gid}'],
    scim: entraGroup,
    directory: { displayName: 'displayName' },
  },
  {
    own: { method: 'PATCH', path: '/Groups/{gid}' },
    body: { schemas: [patchSchema], Operations: [{ op: 'Add', path: 'members', value: [{ value: '{uid1}' }] }] },
    status: 200,
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
    events: ['user.deactivated {id}'],
    scim: { ...updated, active: false, ...inGroup('{gid}', 'displayName') },
    directory: { active: false, groups: [{ id: '{gid}', displayName: 'displayName', direct: true }] },
  },
  {
    row: 'entra: restore',
    status: 200,
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
    row: 'entra: create user with nulls and root-level ext attrs',
    status: 201,
    as: ['id'],
    events: ['user.provisioned {id}'],
    scim: joy,
    directory: { userName: 'jyoung@testuser.com', externalId: 'jyoung' },
  },
  { row: 'entra: match externalId unquoted', status: 200, found: ['{id}'] },
  {
    row: 'entra: roles POST with displayName sub-attribute',
    status: 201,
    as: ['id', 'uid2'],
    events: ['user.provisioned {id}'],
    scim: alias,
    directory: { roles: [{ value: 'Admin', type: 'WindowsAzureActiveDirectoryRole', primary: false }] },
  },
  {
    row: 'entra: add filtered value on empty array',
    status: 200,
    events: ['user.changed {id}'],
    scim: { ...alias, emails: [{ type: 'work', value: 'something@outlook.com' }] },
    directory: { emails: [{ type: 'work', value: 'something@outlook.com' }] },
  },
  { row: 'entra: reference probe', status: 200, found: [] },
  {
    row: 'entra: manager as array with $ref',
    status: 200,
    events: ['user.changed {id}'],
    scim: {
      ...alias,
      schemas: [userSchema, enterprise],
      emails: [{ type: 'work', value: 'something@outlook.com' }],
      [enterprise]: { manager: { $ref: 'http://x/scim/Users/{mid}', value: '{mid}' } },
    },
    directory: { managerId: '{mid}' },
  },
  { row: 'entra: reference probe', status: 200, found: ['{id}'] },
  {
    row: 'entra: manager as string',
    status: 200,
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
  { row: 'entra: match externalId unquoted', instead: { jyoung: 'alias' }, status: 200, found: [] },
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
]

const onelogin: readonly Step[] = [
  { row: 'onelogin: connection probe', status: 200, found: [] },
  {
    row: 'onelogin: create with template artefacts',
    instead: { '{mid}': '26118915-6090-4610-87e4-49d8ca9f808d' },
    status: 201,
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

/** What each identity provider says to us, from its first probe to its last delete. */
export const conversations = { okta, entra, google, jumpcloud, onelogin }
