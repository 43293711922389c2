import { bulkRequestSchema, parseBulk, planBulk } from '#libs/scim/index'
import { togetherFromFirst } from './bulk-order.ts'
import { touchOf } from './bulk-touch.ts'

const names = new Map([
  ['1', 'ada'],
  ['2', 'bob'],
])

/** How many of the first operations run together. */
function together(operations: readonly object[], most = 100, adoptBy: readonly string[] = []): number {
  const steps = planBulk(parseBulk({ schemas: [bulkRequestSchema], Operations: operations }).operations)
  const known = { pathOf: ({ path }: { path?: string }) => path, userNameKeys: names, adoptBy }
  return togetherFromFirst(steps, (step) => touchOf(step, known), most)
}

const post = (bulkId: string, data: object, path = '/Users') => ({ method: 'POST', path, bulkId, data })
const put = (path: string, data: object) => ({ method: 'PUT', path, data })
const patch = (path: string, ...operations: object[]) => ({ method: 'PATCH', path, data: operations })
const remove = (path: string) => ({ method: 'DELETE', path })
const join = patch('/Groups/1', { op: 'add', path: 'members', value: [{ value: '1' }] })

test('creates of different names run together, and groups beside them', () => {
  expect(together([post('a', { userName: 'a' }), post('b', { USERNAME: 'b' }), post('g', {}, '/Groups')])).toBe(3)
  expect(together([post('a', { userName: 'a' }), post('b', { userName: 'A' })])).toBe(1)
  expect(together([post('a', { userName: 'a' }), post('b', { userName: 'b', username: 'c' })])).toBe(1)
})

test('creates that may turn out to be of one user do not run together', () => {
  const sent = (userName: string, emails: unknown) => post(userName, { userName, emails })
  const users = [sent('a', [{ type: 'work', value: 'A@x.y' }]), sent('b', ['b@x.y']), sent('c', { VALUE: 'a@X.y' })]
  expect(together(users)).toBe(3)
  expect(together(users, 100, ['userName'])).toBe(3)
  expect(together(users, 100, ['userName', 'emails'])).toBe(2)
})

test('what refers to a created resource waits for it; so does nothing else', () => {
  const group = post('g', { members: [{ value: 'bulkId:a' }] }, '/Groups')
  expect(together([post('a', { userName: 'a' }), post('b', { userName: 'b' }), group])).toBe(2)
  expect(together([group, post('h', { members: ['bulkId:a'] }, '/Groups'), post('a', { userName: 'a' })])).toBe(1)
})

test('changes of different records run together, those of one record do not', () => {
  expect(together([join, put('/Groups/2', {}), patch('/Users/1', { op: 'add', path: 'title', value: 'x' })])).toBe(3)
  expect(together([join, put('/Groups/2', {}), join])).toBe(2)
  expect(together([put('/Users/1', { userName: 'x' }), put('/Users/1', { userName: 'y' })])).toBe(1)
})

test('who takes a name waits for who gives it up', () => {
  expect(together([put('/Users/1', { userName: 'x' }), put('/Users/2', { userName: 'BOB' })])).toBe(2)
  expect(together([put('/Users/1', { userName: 'x' }), put('/Users/2', { userName: 'ADA' })])).toBe(1)
  expect(together([put('/Users/1', { userName: 'Bob' }), put('/Users/2', { userName: 'x' })])).toBe(1)
  expect(together([put('/Users/1', { userName: 'ada' }), put('/Users/2', {})])).toBe(1)
  const renames = patch('/Users/1', {
    op: 'replace',
    value: { 'urn:ietf:params:scim:schemas:core:2.0:User:userName': 'x' },
  })
  expect(together([renames, put('/Users/2', { userName: 'ada' })])).toBe(1)
  expect(together([put('/Users/2', { userName: 'bob' }), renames])).toBe(1)
})

test('deletes run beside deletes of other users, and beside no change to a group', () => {
  expect(together([remove('/Users/1'), remove('/Users/2'), join])).toBe(2)
  expect(together([join, remove('/Users/2')])).toBe(1)
  expect(together([remove('/Groups/1'), remove('/Groups/2')])).toBe(1)
  expect(together([remove('/Users/1'), remove('/Users/1')])).toBe(1)
})

test('no more run together than may, unless the first has more by itself', () => {
  const users = ['a', 'b', 'c'].map((userName) => post(userName, { userName }))
  expect(together(users, 2)).toBe(2)
  const circle = [post('a', { userName: 'a', m: 'bulkId:b' }), post('b', { userName: 'b', m: 'bulkId:a' })]
  expect(together([...circle, post('c', { userName: 'c' })], 1)).toBe(1)
  expect(together([post('c', { userName: 'c' }), ...circle], 100)).toBe(1)
})

test('what cannot be done, or is about nothing known, runs alone', () => {
  expect(together([post('a', { userName: 'a' }), { method: 'GET' }])).toBe(1)
  expect(together([remove('/Nothing/1'), remove('/Nothing/2')])).toBe(1)
})
