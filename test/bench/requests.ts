import type { Request } from './drive.ts'

const json = JSON.stringify

/** The requests that are measured, at the base of one connection. */
export function requestsAt(base: string) {
  const found = (filter: string): Request => ({
    method: 'GET',
    path: `${base}/Users?filter=${encodeURIComponent(filter)}`,
    expect: 200,
  })
  return {
    createUser: (name: string): Request => ({
      method: 'POST',
      path: `${base}/Users`,
      body: json(user(name)),
      expect: 201,
    }),
    readUser: (id: string): Request => ({ method: 'GET', path: `${base}/Users/${id}`, expect: 200 }),
    findUser: (name: string): Request => found(`userName eq "${name}@example.com"`),
    findUserByExternalId: (name: string): Request => found(`externalId eq "${name}"`),
    findUserByEmail: (name: string): Request => found(`emails.value eq "${name}@example.com"`),
    setActive: (id: string, value: boolean): Request => ({
      method: 'PATCH',
      path: `${base}/Users/${id}`,
      body: patch([{ op: 'replace', path: 'active', value }]),
      expect: 200,
    }),
    setTitle: (id: string, value: string): Request => ({
      method: 'PATCH',
      path: `${base}/Users/${id}`,
      body: patch([{ op: 'replace', path: 'title', value }]),
      expect: 200,
    }),
    createGroup: (displayName: string, members: readonly string[]): Request => ({
      method: 'POST',
      path: `${base}/Groups`,
      body: json(group(displayName, members)),
      expect: 201,
    }),
    addMembers: (group: string, members: readonly string[], expect: 200 | 204): Request => ({
      method: 'PATCH',
      path: `${base}/Groups/${group}`,
      body: patch([{ op: 'add', path: 'members', value: listed(members) }]),
      expect,
    }),
    removeMember: (group: string, member: string, expect: 200 | 204): Request => ({
      method: 'PATCH',
      path: `${base}/Groups/${group}`,
      body: patch([{ op: 'remove', path: `members[value eq "${member}"]` }]),
      expect,
    }),
    /** Its last operation removes what a group must have. */
    addMembersAndFail: (group: string, members: readonly string[]): Request => ({
      method: 'PATCH',
      path: `${base}/Groups/${group}`,
      body: patch([
        { op: 'add', path: 'members', value: listed(members) },
        { op: 'remove', path: 'displayName' },
      ]),
      expect: 400,
    }),
    removeMembers: (group: string, members: readonly string[], expect: 200 | 204): Request => ({
      method: 'PATCH',
      path: `${base}/Groups/${group}`,
      body: patch([{ op: 'remove', path: 'members', value: listed(members) }]),
      expect,
    }),
    readGroup: (id: string, query = ''): Request => ({
      method: 'GET',
      path: `${base}/Groups/${id}${query}`,
      expect: 200,
    }),
    listUsers: (query: string): Request => ({ method: 'GET', path: `${base}/Users?${query}`, expect: 200 }),
  }
}

export function idOf(body: string): string {
  return /"id":"([^"]+)"/.exec(body)?.[1] ?? ''
}

/** The body that creates a user; its names, addresses and `externalId` come from `name`. */
export function user(name: string): object {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@example.com`,
    externalId: name,
    name: { givenName: 'Test', familyName: name },
    displayName: `Test ${name}`,
    emails: [{ value: `${name}@example.com`, type: 'work', primary: true }],
    active: true,
  }
}

/** The body that creates a group. */
export function group(displayName: string, members: readonly string[]): object {
  return { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName, members: listed(members) }
}

function listed(members: readonly string[]): object[] {
  return members.map((value) => ({ value }))
}

function patch(Operations: object[]): string {
  return json({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })
}
