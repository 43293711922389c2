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
import type { Asked } from './asked.ts'
import { overGatewayTables } from './gateway-database.ts'
import { compareRefusals } from './refusals.ts'
import { signedRequests } from './signed-requests.ts'
import { inProcessTable, refusalsTable } from './table.ts'
import { type InProcess, timesOf, type Work } from './times.ts'
import type { Compared } from './timing.ts'
import { measureWayIn } from './way-in.ts'

const { User } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

export interface MeasuredInProcess {
  readonly inProcess: readonly InProcess[]
  readonly refusals: readonly Compared[]
}

/** Work on one request, without HTTP, and whether the time that a refusal takes tells anything. Takes about a minute. */
export async function measureInProcess({ say }: Pick<Asked, 'say'>): Promise<MeasuredInProcess> {
  const file = new URL('../../../test/idp/requests.json', import.meta.url)
  const rows: { idp: string; name: string; body?: unknown }[] = JSON.parse(readFileSync(file, 'utf8'))
  const patch = JSON.stringify(rows.find(({ idp, name }) => idp === 'entra' && name === 'update multi')?.body)
  const stored = JSON.stringify(readResource(User, person).resource)
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  const scim: readonly (readonly [what: string, goal: number, run: () => unknown])[] = [
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
  ]
  const work: Work[] = [...scim.map(([what, goal, run]) => ({ what, goal, next: () => run })), ...signedRequests()]
  const measured: InProcess[] = []
  for (const each of work) measured.push(await timesOf(each))
  return overGatewayTables(async (database) => {
    measured.push(...(await measureWayIn(database)))
    say(inProcessTable(measured))
    const refusals = await compareRefusals(database)
    say(refusalsTable(refusals))
    return { inProcess: measured, refusals }
  })
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
