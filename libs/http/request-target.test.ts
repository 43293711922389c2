import { originForm, routable } from './request-target.ts'

test.each([
  ['/admin/v1/tenants?a=%61', '/admin/v1/tenants?a=%61'],
  ['/%61dmin/v1/%74enants', '/admin/v1/tenants'],
  ['/admin/v1/tenants/a%2Fb%20c%c3%bc', '/admin/v1/tenants/a%2Fb%20c%c3%bc'],
  ['/%61dmin/v1/%zz', '/admin/v1/%zz'],
  ['/leaks#x', '/leaks'],
  ['/leaks?a=b#x', '/leaks?a=b'],
])('%s is, to every rule, the address %s', (sent, seen) => {
  expect(routable(sent, ['/scim/'])).toBe(seen)
})

test.each([
  ['/scim/v2/c1/Users/%61', '/scim/v2/c1/Users/%61'],
  ['/scim/v2/c1/Users/%zz?a=%61', '/scim/v2/c1/Users/%25zz?a=%61'],
])('%s, whose path handlers read themselves, is %s', (sent, seen) => {
  expect(routable(sent, ['/scim/'])).toBe(seen)
})

test('what a client puts before an address for a proxy is left out', () => {
  expect(originForm('http://latchkey.test/Users?count=1')).toBe('/Users?count=1')
  expect(originForm('HTTPS://latchkey.test?count=1')).toBe('/?count=1')
})
