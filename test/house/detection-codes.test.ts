import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { faultAdvice, isAccepted, keyStates } from '#libs/credentials/index'
import { signatureAdvice } from '#libs/signatures/index'
import { root } from './root.ts'

const code = /'([a-z]+(?:-[a-z]+)+)'/g

function codesIn(text: string): string[] {
  return [...text.matchAll(code)].flatMap(([, written]) => written ?? [])
}

/** What the gateway refuses by: codes that it writes out, and those that it makes of a fault or of a key's state. */
function answered(): ReadonlySet<string> {
  const folder = join(root, 'apps/gateway/src')
  const written = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .flatMap((file) => codesIn(readFileSync(join(folder, file), 'utf8')))
  return new Set([
    ...written,
    ...Object.keys(faultAdvice).map((fault) => `key-${fault}`),
    ...Object.keys(signatureAdvice).map((fault) => (fault.startsWith('digest-') ? fault : `signature-${fault}`)),
    ...keyStates.filter((state) => !isAccepted(state)).map((state) => `key-${state}`),
  ])
}

test('every code that a rule of detections counts is one that the gateway answers', () => {
  const rules = readFileSync(join(root, 'apps/audit/src/detections/rules.ts'), 'utf8')
  const counted = [...rules.matchAll(/\bcodes: \[([^\]]*)\]/g)].flatMap(([, list]) => codesIn(list ?? ''))
  expect(counted.length).toBeGreaterThan(10)
  const known = answered()
  expect(counted.filter((each) => !known.has(each))).toEqual([])
})
