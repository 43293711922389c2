import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { answerCodes } from '#apps/gateway/src/index'
import { faultAdvice, isAccepted, keyStates } from '#libs/credentials/index'
import { signatureAdvice } from '#libs/signatures/index'
import { root } from './root.ts'

const code = /'([a-z]+(?:-[a-z]+)+)'/g

function codesIn(text: string): string[] {
  return [...text.matchAll(code)].flatMap(([, written]) => written ?? [])
}

function sources(folder: string): { readonly file: string; readonly text: string }[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'))
    .map((file) => ({ file: join(folder, file), text: readFileSync(join(root, folder, file), 'utf8') }))
}

const list = 'apps/gateway/src/refusals.ts'
const protocol = 'libs/scim/error.ts'
const written = [...sources('apps/gateway/src'), ...sources('libs/scim'), ...sources('libs/http')]

test('what a SCIM client is refused with is made in two places alone, by codes that one list holds', () => {
  const making = written.filter(({ text }) => /new ScimError\(|\berrorKinds\b/.test(text)).map(({ file }) => file)
  expect(making.toSorted()).toEqual([list, protocol, 'libs/scim/index.ts'])
  expect(new Set(answerCodes).size).toBe(answerCodes.length)
})

test('every code in that list is one that something is refused with', () => {
  const used = new Set([
    ...written.filter(({ file }) => file !== list).flatMap(({ text }) => codesIn(text)),
    ...Object.keys(faultAdvice).map((fault) => `key-${fault}`),
    ...Object.keys(signatureAdvice).map((fault) => (fault.startsWith('digest-') ? fault : `signature-${fault}`)),
    ...keyStates.filter((state) => !isAccepted(state)).map((state) => `key-${state}`),
  ])
  const words = answerCodes.filter((each) => each.includes('-'))
  expect(words.length).toBeGreaterThan(80)
  expect(words.filter((each) => !used.has(each))).toEqual([])
})

test('every code that a rule of detections counts is one that the gateway answers', () => {
  const rules = readFileSync(join(root, 'apps/audit/src/detections/rules.ts'), 'utf8')
  const counted = [...rules.matchAll(/\b(?:codes:|misplaced =) \[([^\]]*)\]/g)].flatMap(([, codes]) =>
    codesIn(codes ?? ''),
  )
  expect(counted.length).toBeGreaterThan(10)
  expect(counted.filter((each) => !answerCodes.includes(each))).toEqual([])
})
