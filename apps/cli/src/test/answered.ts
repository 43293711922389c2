/** What the admin API answers with. */

export const tenant = { id: 'acme', name: 'Acme', createdAt: '2026-03-01T10:00:00.000Z' }
export const key = {
  kid: 'abcdefghijkl',
  connection: 'abcdefghijkmnpqr',
  environment: 'live',
  state: 'active',
  scimBaseUrl: 'http://127.0.0.1:8080/scim/v2/abcdefghijkmnpqr',
  createdAt: '2026-03-01T10:00:00.000Z',
  endedAt: null,
  lastUsed: null,
}

export const connection = {
  id: 'abcdefghijkmnpqr',
  tenant: 'acme',
  name: 'HR',
  environment: 'live',
  identityProvider: 'okta',
  state: 'enabled',
  settings: {
    patchAnswer: 'none',
    mode: 'live',
    conflicts: 'adopt',
    adoptBy: ['userName', 'emails'],
    guard: 'auto',
    guardMost: 50,
    guardPercent: 10,
    guardMinutes: 60,
  },
  schemas: [],
  scimBaseUrl: 'http://127.0.0.1:8080/scim/v2/abcdefghijkmnpqr',
  createdAt: '2026-03-01T10:00:00.000Z',
}
