import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { redact } from '#libs/telemetry/index'
import { root } from './root.ts'

const rooms = ['apps/gateway/src', 'apps/keys/src', 'apps/audit/src', 'apps/directory/src']
const libs = ['libs/admin', 'libs/credentials', 'libs/http', 'libs/scim', 'libs/signatures']

/** Sentences in quotation marks: what is answered to people, and more. */
const sentence = /'([A-Z](?:[^'\\\n]|\\.)* (?:[^'\\\n]|\\.)*\.)'|`([A-Z](?:[^`\\]|\\.)* (?:[^`\\]|\\.)*\.)`/g

function sentencesOf(folder: string): string[] {
  const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => [...readFileSync(join(root, folder, file), 'utf8').matchAll(sentence)])
    .map(([, plain, template]) => plain ?? template?.replaceAll(/\$\{[^}]*\}/g, 'x') ?? '')
}

test('redaction leaves the advice of every error as it was written', () => {
  const advice = [...rooms, ...libs].flatMap(sentencesOf)
  expect(advice).toContain('Send "Authorization: Bearer <key>" with the provisioning key of this connection.')
  expect(advice.length).toBeGreaterThan(200)
  expect(advice.map(redact)).toEqual(advice)
})
