import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Database } from '#libs/postgres/index'
import { Keyring, makeDataKey, makeLocalKek, SealingError } from '#libs/sealing/index'
import { testDatabase, type TestDatabase } from '#test/servers/postgres'
import { checkKeks, KekDoesNotFit } from './keks.ts'
import { migrateKeys } from './migrations.ts'

let server: TestDatabase
let database: Database
let folder: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-keks-'))
  server = await testDatabase()
  database = new Database({ url: server.url, applicationName: 'keks test', connections: 2 })
  await migrateKeys(database)
})

afterEach(async () => {
  await database.close()
  await server.drop()
  rmSync(folder, { recursive: true })
})

const fileIn = (name: string) => ({ kind: 'file', path: join(folder, name) }) as const

/** A start with this KEK, and those before it. */
async function start(name: string, ...former: string[]): Promise<Keyring> {
  const present = fileIn(name)
  const keyring = new Keyring(present, former.map(fileIn), {})
  await checkKeks(database, keyring, present)
  return keyring
}

async function keepDataKey(keyring: Keyring): Promise<void> {
  const { dataKey, bytes } = makeDataKey('acme')
  const { kekId, kekVersion, wrapped } = await keyring.wrap(bytes, { tenant: 'acme', dataKey: dataKey.id })
  await database.query(`INSERT INTO keys.tenant VALUES ('acme', 'acme', 1, now()) ON CONFLICT DO NOTHING`)
  await database.query(`INSERT INTO keys.data_key VALUES ('acme', $1, 1, $2, $3, $4, now())`, [
    dataKey.id,
    kekId,
    kekVersion,
    wrapped,
  ])
}

test('the first start makes the file, for its owner alone, and later ones use it', async () => {
  const { id } = await (await start('kek')).status()
  expect(statSync(fileIn('kek').path).mode & 0o777).toBe(0o600)
  expect((await (await start('kek')).status()).id).toBe(id)
})

test('a lost file is told of with cause and fix while anything is wrapped by it, and no other is made', async () => {
  await keepDataKey(await start('kek'))
  rmSync(fileIn('kek').path)
  const lost = start('kek')
  await expect(lost).rejects.toThrow(KekDoesNotFit)
  await expect(lost).rejects.toThrow(`The file ${fileIn('kek').path}`)
  await expect(lost).rejects.toThrow('Put it back from the backup')
  await expect(lost).rejects.toThrow('DELETE FROM keys.data_key')
  expect(existsSync(fileIn('kek').path)).toBe(false)
})

test('another file in its place is not taken for it', async () => {
  await keepDataKey(await start('kek'))
  rmSync(fileIn('kek').path)
  makeLocalKek(fileIn('kek').path)
  await expect(start('kek')).rejects.toThrow('name the one before it in LATCHKEY_FORMER_KEKS')
})

test('a new KEK is made beside the one before it, and alone only once nothing is wrapped by that', async () => {
  await keepDataKey(await start('old'))
  const alone = start('new')
  await expect(alone).rejects.toThrow(KekDoesNotFit)
  // Nothing is lost: what helps stands before what destroys.
  await expect(alone).rejects.toThrow(
    /nothing is lost: name the one before it in LATCHKEY_FORMER_KEKS.*Only where .*DELETE FROM/,
  )
  expect(existsSync(fileIn('new').path)).toBe(false)
  await start('new', 'old')
  await expect(start('new')).rejects.toThrow(KekDoesNotFit)
  await database.query('DELETE FROM keys.data_key')
  await start('new')
})

test('a file that others may read keeps the service from starting', async () => {
  await start('kek')
  chmodSync(fileIn('kek').path, 0o640)
  await expect(start('kek')).rejects.toThrow(SealingError)
  await expect(start('kek')).rejects.toThrow(`chmod 600 ${fileIn('kek').path}`)
})

test('a file that is there, and only cannot be used as it is, is not told of as lost', async () => {
  await keepDataKey(await start('kek'))
  const { path } = fileIn('kek')
  const told = () => start('kek').catch((error: unknown) => String(error))
  chmodSync(path, 0o644)
  expect(await told()).toMatch(/^KekDoesNotFit: .*chmod 600 [^ ]+$/)
  rmSync(path)
  mkdirSync(path)
  expect(await told()).toMatch(/^KekDoesNotFit: .*such as a folder or a pipe\. Move it away, and put the file back\.$/)
})
