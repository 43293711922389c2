import { isId, newId } from './index.ts'

test('an id is a UUID in lower case, and nothing more', () => {
  const id = newId()
  expect([id, crypto.randomUUID()].map(isId)).toEqual([true, true])
  const others = [
    id.toUpperCase().replace(/^./, 'A'),
    `${id}\n`,
    `${id}0`,
    id.slice(1),
    id.replaceAll('-', ''),
    `{${id}}`,
    '',
  ]
  for (const other of others) expect(isId(other)).toBe(false)
})
