import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './root.ts'

/** How statements begin, and parts of them that are put together. */
const statement = /\b(SELECT|INSERT INTO|DELETE FROM|UPDATE [a-z$]|SET LOCAL|CREATE (TABLE|SCHEMA|INDEX)|ALTER TABLE)\b/

test('services and the admin APIs write SQL in their stores alone', () => {
  const files = globSync(['apps/*/src/**/*.ts', 'libs/admin/**/*.ts'], { cwd: root })
  const others = files.filter((file) => !file.includes('/store/') && !file.endsWith('.test.ts'))
  expect(others.length).toBeGreaterThan(100)
  expect(files.length).toBeGreaterThan(others.length)
  expect(others.filter((file) => statement.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
})
