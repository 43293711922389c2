import { adminServer, answer } from './test/admin-server.ts'

const server = adminServer()

const pepper = (version: number, more: object = {}) => ({
  version,
  isCurrent: false,
  isHeld: true,
  keys: 0,
  kids: [],
  tokens: 0,
  ...more,
})

test('keys peppers tells which pepper may be left out, and what keeps the others needed', async () => {
  server.respond = answer(200, {
    items: [
      pepper(1, { isHeld: false }),
      pepper(2),
      pepper(3, { keys: 3, kids: ['abc', 'd\u001bf'] }),
      pepper(4, { tokens: 1 }),
      pepper(5, { isCurrent: true, keys: 9, kids: ['ghi'] }),
    ],
  })
  const { code, out } = await server.latchkey(['keys', 'peppers'])
  expect(code).toBe(0)
  expect(server.seen[0]).toMatchObject({ method: 'GET', url: '/admin/v1/peppers' })
  expect(out).toBe(
    [
      'PEPPER  STATE       KEYS  TOKENS',
      '1       left out    0     0',
      '2       not needed  0     0',
      '3       needed      3     0',
      '4       needed      0     1',
      '5       current     9     0',
      'Pepper 2 may be left out.',
      'Pepper 3 is needed until these keys are used, or revoked: abc, d?f and others (latchkey keys show KID)',
      'Pepper 4 is needed until its tokens are used at the keys service, or revoked (latchkey tokens list)',
      '',
    ].join('\n'),
  )
})
