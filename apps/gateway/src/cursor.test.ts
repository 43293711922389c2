import { addPepper, generatePeppers } from '#libs/credentials/index'
import { type CursorContext, Cursors, digestOf } from './cursor.ts'

const peppers = generatePeppers()
const cursors = new Cursors(peppers, 3_600_000)
const now = new Date('2026-01-31T12:00:00Z')
const place = { id: '01a20e52-426b-7001-83a3-51975df3f104', key: 'Łukasz "x"' }
const context: CursorContext = {
  connection: 'c1',
  types: ['User'],
  search: { filter: 'active eq true', sortBy: 'displayName' },
  count: 100,
}
const cursor = cursors.write(context, place, 1234, now)
const later = (milliseconds: number): Date => new Date(now.getTime() + milliseconds)

test('a cursor leads on from its place, in any gateway of the installation, also after another pepper was added', () => {
  for (const reader of [cursors, new Cursors(addPepper(peppers), 3_600_000)]) {
    expect(reader.read(context, cursor, later(3_600_000))).toEqual({
      method: 'cursor',
      count: 100,
      after: place,
      totalResults: 1234,
    })
  }
  const bare = cursors.write(context, { id: place.id, key: undefined }, undefined, now)
  expect(cursors.read(context, bare, now)).toEqual({
    method: 'cursor',
    count: 100,
    after: { id: place.id, key: undefined },
    totalResults: undefined,
  })
})

test('it is of unreserved characters alone, and does not show what the list is sorted by', () => {
  expect(cursor).toMatch(/^[A-Za-z0-9._~-]+$/)
  expect(Buffer.from(cursor.split('.')[1] ?? '', 'base64url').toString()).not.toContain('ukasz')
})

test.each<[string, Partial<CursorContext>]>([
  ['another connection', { connection: 'c2' }],
  ['another endpoint', { types: ['User', 'Group'] }],
  ['another filter', { search: { ...context.search, filter: 'active eq false' } }],
  ['no filter', { search: { sortBy: 'displayName' } }],
  ['another sortBy', { search: { ...context.search, sortBy: 'title' } }],
  ['another sortOrder', { search: { ...context.search, sortOrder: 'descending' } }],
  ['other attributes', { search: { ...context.search, attributes: 'userName' } }],
  ['other excludedAttributes', { search: { ...context.search, excludedAttributes: 'groups' } }],
])('of %s it is invalid', (_what, other) => {
  expect(() => cursors.read({ ...context, ...other }, cursor, now)).toThrow(
    expect.objectContaining({ status: 400, scimType: 'invalidCursor' }),
  )
})

test.each(['x', '1.', '1.AAAA', cursor.slice(0, -6), `${cursor}AAAA`, cursor.replace('1.', '2.'), '\u0000'])(
  'a forged one is invalid: %#',
  (forged) => {
    expect(() => cursors.read(context, forged, now)).toThrow(expect.objectContaining({ scimType: 'invalidCursor' }))
    expect(() => new Cursors(generatePeppers(), 3_600_000).read(context, cursor, now)).toThrow(
      expect.objectContaining({ scimType: 'invalidCursor' }),
    )
  },
)

test('after its time it has expired, and of pages of another size it is told the size', () => {
  expect(() => cursors.read(context, cursor, later(3_601_000))).toThrow(
    expect.objectContaining({
      status: 400,
      scimType: 'expiredCursor',
      detail: expect.stringContaining('3600 s'),
    }),
  )
  expect(() => cursors.read({ ...context, count: 50 }, cursor, now)).toThrow(
    expect.objectContaining({ status: 400, scimType: 'invalidCount', detail: expect.stringContaining('count=100') }),
  )
})

test('no cursor is too long for an address: of a long key it carries the digest', () => {
  expect(cursors.write(context, { ...place, key: 'x'.repeat(2_000) }, 1, now).length).toBeLessThan(4_000)
  const key = 'ü'.repeat(1_001)
  const short = cursors.write(context, { ...place, key }, 1, now)
  expect(short.length).toBeLessThan(400)
  expect(cursors.read(context, short, now).after).toEqual({ id: place.id, digest: digestOf(key) })
})
