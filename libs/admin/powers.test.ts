import { adminScopes, beyond, type Powers } from './index.ts'

const at = (hour: number): Date => new Date(Date.UTC(2026, 2, 1, hour))
const own: Powers = {
  scopes: ['keys:read', 'keys:mint'],
  tenants: ['acme', 'globex'],
  allowlist: ['192.0.2.0/24', '2001:db8::/32'],
  expiresAt: at(12),
}
const everything: Powers = { scopes: adminScopes, tenants: null, allowlist: [], expiresAt: null }

test.each<[string, Partial<Powers>, string[]]>([
  ['the same', {}, []],
  ['fewer scopes', { scopes: ['keys:read'] }, []],
  ['a scope more', { scopes: ['keys:read', 'keys:revoke'] }, ['scopes']],
  ['fewer tenants', { tenants: ['acme'] }, []],
  ['another tenant', { tenants: ['acme', 'initech'] }, ['tenants']],
  ['all tenants', { tenants: null }, ['tenants']],
  ['narrower ranges', { allowlist: ['192.0.2.7', '2001:db8:1::/48'] }, []],
  ['a wider range', { allowlist: ['192.0.0.0/16'] }, ['allowlist']],
  ['from anywhere', { allowlist: [] }, ['allowlist']],
  ['sooner', { expiresAt: at(11) }, []],
  ['later', { expiresAt: at(13) }, ['expiresAt']],
  ['never ending', { expiresAt: null }, ['expiresAt']],
  ['everything', everything, ['scopes', 'tenants', 'allowlist', 'expiresAt']],
])('of somebody with limited powers %s goes beyond them in exactly what is more', (_, wanted, more) => {
  expect(beyond(own, { ...own, ...wanted })).toEqual(more)
})

test('nothing goes beyond all powers', () => {
  expect(beyond(everything, everything)).toEqual([])
  expect(beyond(everything, own)).toEqual([])
})
