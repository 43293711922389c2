import { readFileSync } from 'node:fs'
import {
  applyPatch,
  Diagnosis,
  dialectOf,
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
import { signedRequests } from './signed-requests.ts'

/** Work of libs/scim and libs/signatures on one request, without HTTP and Postgres. */
export interface InProcess {
  readonly what: string
  /** Microseconds. */
  readonly median: number
  readonly fastest: number
  /** What the median should stay below. */
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
    [
      'filter of 1,000 terms in each other: refused',
      5_000,
      refused(() => filtered(`${'not (a pr and '.repeat(1_000)}a pr`)),
    ],
    ['filter of 1,000 terms in a row: refused', 5_000, refused(() => filtered(`${'a pr or '.repeat(999)}a pr`))],
    [
      `filter of ${filterLimits.terms} terms: parse, resolve`,
      5_000,
      () => filtered(`${'title pr or '.repeat(filterLimits.terms - 1)}title pr`),
    ],
    [
      'path of 10,000 characters: refused',
      5_000,
      refused(() => patched(patch.replace('"displayName"', `"${'a'.repeat(10_000)}"`), person)),
    ],
    ['body 200 deep: refused', 5_000, refused(() => parseJson(`{"userName":"ada","emails":${nested(200)}}`))],
    ['body 100,000 deep: refused', 5_000, refused(() => parseJson(nested(100_000)))],
    ...signedRequests(),
  ]
  return work.map(([what, goal, run]) => ({ what, goal, ...timesOf(run) }))
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
  [enterprise]: {
    department: 'Engines',
    employeeNumber: '4711',
    manager: { value: '01a20e52-426b-7001-83a3-51975df3f104' },
  },
}

const noQuery = new URLSearchParams()

function patched(body: string, before: Resource): unknown {
  const sent = parseJson(body)
  const traits = { method: 'PATCH', path: '/Users/1', query: noQuery, userAgent: undefined, body: sent }
  const found = new Diagnosis(dialectOf('entra', traits))
  return applyPatch(User, before, parsePatch(sent, found), found.attempt())
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

/** Of four hundred batches, after as many to warm up: the median, and the fastest, which others on the machine disturbed least. */
function timesOf(run: () => unknown): { median: number; fastest: number } {
  const batches = (count: number): number[] => Array.from({ length: count }, () => timeOf(run))
  batches(400)
  const times = batches(400).sort((one, other) => one - other)
  return { median: times[200] ?? 0, fastest: times[0] ?? 0 }
}

const runsInBatch = 20

/** Microseconds of one run in a batch. */
function timeOf(run: () => unknown): number {
  const began = performance.now()
  for (let count = 0; count < runsInBatch; count++) run()
  return ((performance.now() - began) * 1_000) / runsInBatch
}
