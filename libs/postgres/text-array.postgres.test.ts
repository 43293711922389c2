import { type TestDatabase, testDatabase } from '#test/servers/postgres'
import { Database, textArray } from './index.ts'

let server: TestDatabase
let database: Database

beforeAll(async () => {
  server = await testDatabase()
  database = new Database({
    url: server.url,
    applicationName: 'text arrays',
    connections: 1,
    onIdleFailure: () => undefined,
  })
})
afterAll(async () => {
  await database.close()
  await server.drop()
})

const told = { name: 'tell a text array', text: 'SELECT $1::text[] AS items' }
const listed = { name: 'list a text array', text: 'SELECT item FROM unnest((SELECT $1::text[])) AS item' }

test.each([
  ['nothing', []],
  ['the empty text and none', ['', null, 'x']],
  ['what literals escape', ['"', '\\', '{,}', 'NULL', ' x ', '{"a":"b\\"c"}']],
  ['letters of more than one byte', ['ü', '漢字', '😀', 'é'.repeat(10_000)]],
  ['many', Array.from({ length: 1_000 }, (_, number) => (number % 7 === 0 ? null : `item ${number}`))],
])('%s arrives as it was sent', async (_what, items: (string | null)[]) => {
  expect(await database.query(told, [textArray(items)])).toEqual([{ items }])
  expect(await database.query(listed, [textArray(items)])).toEqual(items.map((item) => ({ item })))
})

test('half a letter becomes the sign for one that cannot be read, as in any other text', async () => {
  const half = '\ud800'
  expect(await database.query(told, [textArray([half])])).toEqual([{ items: ['\ufffd'] }])
  expect(await database.query(told, [[half]])).toEqual([{ items: ['\ufffd'] }])
})
