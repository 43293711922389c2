import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

export interface TestDatabase {
  readonly url: string
  /** Removes it, and ends whatever is still connected to it. */
  drop(): Promise<void>
}

/**
 * A fresh, empty database on the run's Postgres, for one test file: call it in `beforeAll`, drop it in `afterAll`. With a locale of ICU its texts
 * sort and lose their case as that has it.
 */
export async function testDatabase(locale?: string): Promise<TestDatabase> {
  const server = process.env['TEST_POSTGRES_URL']
  if (server === undefined)
    throw new Error('Only files named *.postgres.test.ts and *.kafka.test.ts are given a Postgres: rename this one.')
  const name = `test_${randomBytes(8).toString('hex')}`
  const options = locale === undefined ? '' : ` TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '${locale}'`
  await run(server, `CREATE DATABASE ${name}${options}`)
  const url = new URL(server)
  url.pathname = `/${name}`
  return { url: url.href, drop: () => run(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`) }
}

async function run(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
