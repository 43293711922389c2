import { adminServer, answer } from './test/admin-server.ts'

const kek = { id: 'file:0123456789abcdef', version: '1' }
const lost = { tenant: 'acme', dataKey: 'k1', fault: 'unreadable', detail: 'It was altered.' }
const server = adminServer()

async function rewrap(batches: readonly object[]) {
  const answers = [...batches]
  server.respond = (asked, response) => {
    const batch = answers.shift()
    answer(batch === undefined ? 500 : 200, { kek, ...batch })(asked, response)
  }
  const ended = await server.latchkey(['keys', 'rewrap'])
  return { ...ended, asked: server.seen.map(({ body }): unknown => JSON.parse(body)) }
}

test('keys rewrap goes on until all is done, and tells how far it is', async () => {
  const { code, out, err } = await rewrap([
    { rewrapped: 2, remaining: 3 },
    { rewrapped: 2, remaining: 1 },
    { rewrapped: 1, remaining: 0 },
  ])
  expect(code).toBe(0)
  expect(err.trim().split('\n')).toEqual(
    [2, 4].map((done) => `latchkey: ${done} of 5 data keys are wrapped by ${kek.id}`),
  )
  expect(out).toContain('Data keys that were wrapped anew: 5.')
})

test('keys rewrap goes past what cannot be wrapped, names it, and fails when all else is done', async () => {
  const { code, err, asked } = await rewrap([
    { rewrapped: 1, remaining: 3, failed: [lost], next: 'past-k1' },
    { rewrapped: 2, remaining: 1, failed: [] },
  ])
  expect(asked).toEqual([{}, { after: 'past-k1' }])
  expect(code).toBe(1)
  expect(err).toContain('data key k1 of tenant acme stays as it is: It was altered.')
  expect(err).toContain('Data keys that were wrapped anew: 3, that could not be: 1.')
})

test('keys rewrap stops when a batch wraps nothing and some remain', async () => {
  const { code, asked } = await rewrap([{ rewrapped: 0, remaining: 2 }])
  expect([code, asked]).toEqual([1, [{}]])
})

test('keys rewrap prints nothing of a server that a terminal would act on', async () => {
  const failed = [{ ...lost, detail: 'It was \u001b[2Jaltered.' }]
  const { err } = await rewrap([{ rewrapped: 1, remaining: 1, failed }])
  expect(err).toContain('It was ?[2Jaltered.')
})
