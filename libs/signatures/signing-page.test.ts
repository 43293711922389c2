import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { contentDigest, digestFault } from './content-digest.ts'
import { readVerifyingKey } from './keys.ts'
import { messageOf } from './message.ts'
import { profile } from './profile.ts'
import { isProvedBy, readSignature } from './verify.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/signing.md'), 'utf8')

function found(pattern: RegExp): string {
  const [, text] = pattern.exec(page) ?? []
  if (text === undefined) throw new Error(`docs/signing.md has nothing like ${pattern.source}`)
  return text
}

const secret = found(/with the secret `([^`]*)`/)
const base = found(/```text\n([^]*?)\n```/)
const [head = '', body = ''] = found(/```http\n([^]*?)\n```/).split('\n\n')
const headers = Object.fromEntries(
  head
    .split('\n')
    .slice(1)
    .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
)

test('the request of docs/signing.md is taken as it stands there, and for its signature base alone', () => {
  const verifying = readVerifyingKey('hmac-sha256', secret)
  const message = messageOf('POST', new URL(found(/for the address `([^`]*)`/)), headers)
  const read = readSignature(message, {
    keyid: 'aB3dE5gH7jK9',
    algorithm: 'hmac-sha256',
    hasBody: true,
    now: new Date(1_767_225_600_000),
  })
  if (read.kind === 'fault' || verifying === undefined) throw new Error('it cannot be read')
  expect(read.base).toBe(base)
  expect(isProvedBy(verifying, read)).toBe(true)
  expect(digestFault(headers['content-digest'] ?? '', Buffer.from(body))).toBeUndefined()
  expect([headers['content-digest'], headers['content-length']]).toEqual([
    contentDigest(Buffer.from(body)),
    String(Buffer.byteLength(body)),
  ])
})

test('the signature of docs/signing.md is made with the decoded secret, by no code of ours', () => {
  const signature = createHmac('sha256', Buffer.from(secret, 'base64url')).update(base).digest('base64')
  expect(headers['signature']).toBe(`latchkey=:${signature}:`)
})

test('docs/signing.md names every component, parameter and bound of the profile', () => {
  const named = [...page.matchAll(/^\| `"?([@\w-]+)"?` +\|/gm)].map(([, name]) => name)
  expect(named).toEqual([...profile.components, ...profile.bodyComponents, ...profile.fields, ...profile.parameters])
  for (const bound of [
    `more than ${profile.longestSkew} seconds off`,
    `at most \`created\` + ${profile.longestLife}`,
    `${profile.shortestNonce} to ${profile.longestNonce} characters`,
    `| \`tag\`     | \`${profile.tag}\``,
  ]) {
    expect(page).toContain(bound)
  }
})
