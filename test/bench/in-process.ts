import { readFileSync } from 'node:fs'
import {
  applyPatch,
  filterLimits,
  parseFilter,
  parseJson,
  parsePatch,
  type Resource,
  readResource,
  resolveFilter,
  resourceTypes,
  ScimError,
  storedResource,
} from '#libs/scim/index'

/** Work of libs/scim on one request, without HTTP and Postgres. */
export interface InProcess {
  readonly what: string
  /** The median of a run. */
  readonly microseconds: number
  /** What it should stay below. */
  readonly goal: number
}

const { User } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** Takes about two seconds. */
export function measureInProcess(): InProcess[] {
  const file = new URL('../../../test/idp/requests.json', import.meta.url)
  const rows: { idp: string; name: string; body?: unknown }[] = JSON.parse(readFileSync(file, 'utf8'))
  const patch = JSON.stringify(rows.find(({ idp, name }) => idp === 'entra' && name === 'update multi')?.body)
  const stored = JSON.stringify(readResource(User, person).resource)
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  const work: readonly (readonly [what: string, goal: number, run: () => unknown])[] = [
    ['PATCH of five attributes: parse, validate, apply', 60, () => patched(patch, storedResource(stored))],
    ['POST: parse, validate', 60, () => readResource(User, parseJson(JSON.stringify(person)))],
    ['filter on userName: parse, resolve', 60, () => filtered('userName eq "ada@example.com"')],
    ['filter of 1,000 terms in each other: refused', 5_000, refused(() => filtered(`${'not (a pr and '.repeat(1_000)}a pr`))],
    ['filter of 1,000 terms in a row: refused', 5_000, refused(() => filtered(`${'a pr or '.repeat(999)}a pr`))],
    [`filter of ${filterLimits.terms} terms: parse, resolve`, 5_000, () => filtered(`${'title pr or '.repeat(filterLimits.terms - 1)}title pr`)],
    ['path of 10,000 characters: refused', 5_000, refused(() => patched(patch.replace('"displayName"', `"${'a'.repeat(10_000)}"`), person))],
    ['body 200 deep: refused', 5_000, refused(() => parseJson(`{"userName":"ada","emails":${nested(200)}}`))],
    ['body 100,000 deep: refused', 5_000, refused(() => parseJson(nested(100_000)))],
  ]
  return work.map(([what, goal, run]) => ({ what, goal, microseconds: median(run) }))
}

const person: Resource = {
  schemas: [User.schema.id, enterprise],
  userName: 'ada@example.com',
  externalId: '00ujl29u0le5T6Aj10h7',
  active: true,
  displayName: 'Ada King',
  name: { givenName: 'Ada', familyName: 'King' },
  emails: [
    { type: 'work', value: 'ada@example.com', primary: true },
    { type: 'home', value: 'ada@home.example' },
  ],
  phoneNumbers: [{ type: 'work', value: '+49 30 1234567' }],
  [enterprise]: { department: 'Engines', employeeNumber: '4711', manager: { value: '01a20e52-426b-7001-83a3-51975df3f104' } },
}

function patched(body: string, before: Resource): unknown {
  return applyPatch(User, before, parsePatch(parseJson(body)).operations, { dialect: 'entra' })
}

function filtered(text: string): unknown {
  return resolveFilter(User, parseFilter(text))
}

function refused(run: () => unknown): () => void {
  return () => {
    try {
      run()
    } catch (error) {
      if (error instanceof ScimError) return
      throw error
    }
    throw new Error('it was accepted')
  }
}

const milliseconds = 200

function median(run: () => unknown): number {
  const times: number[] = []
  for (let pass = 0; pass < 2; pass++) {
    times.length = 0
    for (const end = performance.now() + milliseconds / 2; performance.now() < end; ) {
      const began = performance.now()
      run()
      times.push(performance.now() - began)
    }
  }
  return (times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0) * 1_000
}

if (import.meta.main) {
  for (const { what, microseconds, goal } of measureInProcess()) {
    process.stdout.write(`${what.padEnd(60)} ${microseconds.toFixed(1).padStart(10)} us, goal ${goal}\n`)
  }
}
