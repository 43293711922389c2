import { createHash } from 'node:crypto'
import { ExactNumber } from '#libs/scim/index'
import { valueDigest } from './index.ts'

const id = '01a20e52-426b-7001-83a3-51975df3f104'

/** What docs/events says, over a text written by hand. */
function ofText(attribute: string, canonicalValue: string): string {
  return createHash('sha256')
    .update(`["latchkey attribute value 1","${id}","${attribute}",${canonicalValue}]`)
    .digest('base64url')
}

test('a digest can be computed by whoever holds the value, as docs/events says', () => {
  expect(valueDigest('u1', 'title', 'Countess')).toBe('ohn7vYdHNcaSPwTx789sQm61yectmOY30kEPsvU8vzE')
  expect(valueDigest(id, 'active', false)).toBe(ofText('active', 'false'))
  expect(valueDigest(id, 'title', 'Gräfin "é"\n')).toBe(ofText('title', '"Gräfin \\"é\\"\\n"'))
  expect(valueDigest(id, 'urn:example:1:level', 4.5e21)).toBe(ofText('urn:example:1:level', '4.5e+21'))
  expect(valueDigest(id, 'urn:example:1:level', new ExactNumber('9007199254740993'))).toBe(
    ofText('urn:example:1:level', '9007199254740993'),
  )
  expect(valueDigest(id, 'name', { givenName: 'Ada', familyName: 'King' })).toBe(
    ofText('name', '{"familyName":"King","givenName":"Ada"}'),
  )
  expect(valueDigest(id, 'emails', [{ value: 'b@x.y', type: 'work' }, { value: 'a@x.y' }])).toBe(
    ofText('emails', '[{"type":"work","value":"b@x.y"},{"value":"a@x.y"}]'),
  )
})

test('equal values have equal digests: the order of keys and of elements makes no difference', () => {
  expect(valueDigest(id, 'emails', [{ value: '1', type: 'a' }, { value: '2' }])).toBe(
    valueDigest(id, 'emails', [{ value: '2' }, { type: 'a', value: '1' }]),
  )
  expect(valueDigest(id, 'emails', [{ value: '1' }, { value: '1' }])).not.toBe(
    valueDigest(id, 'emails', [{ value: '1' }]),
  )
})

test('a digest says nothing of the same value of another record or another attribute', () => {
  const digests = [
    valueDigest('u1', 'title', 'x'),
    valueDigest('u2', 'title', 'x'),
    valueDigest('u1', 'nickName', 'x'),
    valueDigest('u1', 'title', ['x']),
    valueDigest('u1', 'title","x', 'x'),
  ]
  expect(new Set(digests).size).toBe(digests.length)
})
