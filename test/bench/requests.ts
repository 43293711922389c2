import type { Request } from './drive.ts'

const json = JSON.stringify

/** The requests that are measured, at the base of one connection. */
export function requestsAt(base: string) {
  return {
    createUser: (name: string): Request => ({ method: 'POST', path: `${base}/Users`, body: user(name), expect: 201 }),
    readUser: (id: string): Request => ({ method: 'GET', path: `${base}/Users/${id}`, expect: 200 }),
    findUser: (name: string): Request => ({
      method: 'GET',
      path: `${base}/Users?filter=userName%20eq%20%22${name}%40example.com%22`,
      expect: 200,
    }),
    setActive: (id: string, value: boolean): Request => ({
      method: 'PATCH',
      path: `${base}/Users/${id}`,
      body: patch([{ op: 'replace', path: 'active', value }]),
      expect: 200,
    }),
    createGroup: (displayName: string, members: readonly string[]): Request => ({
      method: 'POST',
      path: `${base}/Groups`,
      body: json({ schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName, members: listed(members) }),
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
      timed: false,
    }),
  }
}

export function idOf(body: string): string {
  return /"id":"([^"]+)"/.exec(body)?.[1] ?? ''
}

function user(name: string): string {
  return json({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName: `${name}@example.com`,
    externalId: name,
    name: { givenName: 'Test', familyName: name },
    displayName: `Test ${name}`,
    emails: [{ value: `${name}@example.com`, type: 'work', primary: true }],
    active: true,
  })
}

function listed(members: readonly string[]): object[] {
  return members.map((value) => ({ value }))
}

function patch(Operations: object[]): string {
  return json({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations })
}
