import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { matcher } from '../filter/matches.ts'
import { parseFilter } from '../filter/parse.ts'
import { resolveFilter } from '../filter/resolve.ts'
import type { JsonObject } from '../json.ts'
import { responseMediaType } from '../media-type.ts'
import { applyPatch } from '../patch/apply.ts'
import { parsePatch } from '../patch/operation.ts'
import { splitPatch } from '../patch/split.ts'
import { readResource } from '../resource.ts'
import { attribute } from '../schema/attribute.ts'
import { defineResourceType } from '../schema/resource-type.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { defineDialect, standard } from './dialect.ts'
import type { Dialect } from './dialect.ts'
import { contradiction, dialectOf, dialects, knownIdentityProviders } from './identity-providers.ts'
import type { RequestTraits } from './identity-provider.ts'
import type { Grade, Quirk } from './quirk.ts'

interface Row {
  idp: string
  name: string
  method: string
  path: string
  headers?: Record<string, string>
  body?: JsonObject
  evidence: string
}

const file = new URL('../../../../test/idp/requests.json', import.meta.url)
const recorded: Row[] = JSON.parse(readFileSync(file, 'utf8'))
const rows = new Map(recorded.map((row) => [`${row.idp}: ${row.name}`, row]))
const { Group } = resourceTypes
const custom = 'urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User'
const schema = {
  id: custom,
  name: 'Custom',
  description: 'An extension of an operator',
  attributes: [
    attribute('CustomAttribute', 'boolean', 'A boolean'),
    attribute('CustomNumber', 'integer', 'An integer'),
  ],
}
const User = defineResourceType({
  ...resourceTypes.User,
  extensions: [...resourceTypes.User.extensions, { schema, required: false }],
})

const quirks = new Map<string, { quirk: Quirk; dialect: Dialect }>()
for (const dialect of dialects) for (const quirk of dialect.quirks) quirks.set(quirk.code, { quirk, dialect })

function recordedAs(label: string): Row {
  const row = rows.get(label)
  if (row === undefined) throw new Error(`nothing was recorded as ${label}`)
  return row
}

function traitsOf({ method, path, headers, body }: Row): RequestTraits {
  const { pathname, searchParams } = new URL(`https://example.com${path}`)
  return { method, path: pathname, query: searchParams, userAgent: headers?.['User-Agent'], body }
}

/** What comes of a recorded request in a dialect: what is stored or found, or the error. */
function outcome(row: Row, dialect: Dialect, before: object): unknown {
  const found = new Diagnosis(dialect)
  try {
    return perform(row, found, before)
  } catch (error) {
    if (error instanceof ScimError) return `${error.status} ${error.scimType}`
    throw error
  }
}

function perform(row: Row, found: Diagnosis, before: object): unknown {
  const type = row.path.startsWith('/Groups') ? Group : User
  const { query } = traitsOf(row)
  const answered = responseMediaType(undefined, found.tolerances.plainJson)
  if (row.method === 'PATCH') {
    const { resource } = readResource(type, { userName: 'u', displayName: 'd', ...before })
    const operations = parsePatch(row.body, found)
    const split = type === Group ? splitPatch(operations, found) : { document: operations, membership: [] }
    const patched = applyPatch(type, resource, split.document, found)
    return { answered, ...patched.resource, membership: split.membership }
  }
  if (row.body !== undefined) return { answered, ...readResource(type, row.body, found) }
  const filter = query.get('filter')
  if (filter === null) return { answered }
  const finds = matcher(resolveFilter(type, parseFilter(filter, found), found))
  return { answered, found: finds({ userName: 'u', ...before }) }
}

/** For each quirk: what it makes of its first recorded request, and what comes of the same request without it. */
const proofs: Record<string, { before?: object; met: unknown; otherwise?: unknown; row?: string }> = {
  'entra-creates-by-filter': {
    row: 'entra: update multi',
    met: { displayName: 'Pvlo', emails: [{ type: 'work', value: 'TestBcwqnm@test.microsoft.com' }] },
    otherwise: '400 noTarget',
  },
  'entra-several-primaries': {
    met: { resource: { emails: [{ primary: false }, { primary: true }] } },
    otherwise: '400 invalidValue',
  },
  'entra-compares-value-path': {
    before: { emails: [{ type: 'work', value: 'user@contoso.com' }] },
    met: { found: true },
    otherwise: '400 invalidFilter',
  },
  'entra-role-display-name': {
    met: { resource: { roles: [{ value: 'Admin', display: 'Admin' }] } },
    otherwise: { resource: { roles: [{ value: 'Admin' }] } },
  },
  'entra-booleans-as-strings': { met: { [custom]: { CustomAttribute: true } }, otherwise: '400 invalidValue' },
  'entra-numbers-as-strings': { met: { [custom]: { CustomNumber: 7 } }, otherwise: '400 invalidValue' },
  'onelogin-wants-plain-json': {
    met: { answered: 'application/json', found: false },
    otherwise: { answered: 'application/scim+json', found: false },
  },
  'onelogin-one-for-many': { met: { emails: [{ value: 'a@b.c', type: 'work' }] }, otherwise: '400 invalidValue' },
  'onelogin-manager-id': {
    met: { resource: { [enterprise()]: { manager: { value: '{mid}' } } } },
    otherwise: { resource: { [enterprise()]: { department: 'Eng' } } },
  },
  'onelogin-booleans-as-strings': { met: { resource: { active: true } } },

  'okta-echoes-read-only': { met: { resource: { userName: 'jane@test.com' } } },
  'okta-always-sends-password': { met: { resource: { userName: 'test.user@okta.local', active: true } } },
  'okta-custom-replaces': { met: { resource: { active: false } } },
  'okta-catalog-rename-carries-id': { met: { displayName: 'Test SCIMv2' } },
  'okta-catalog-pushes-no-members': { met: { membership: [{ kind: 'removeAll' }] } },
  'entra-roles-in-strings': { met: { roles: [{ value: 'Admin' }] } },
  'entra-unquoted-literals': { before: { externalId: 'jyoung' }, met: { found: true } },
  'entra-manager-without-urn': { met: { [enterprise()]: { manager: { value: '{mid}' } } } },
  'entra-manager-in-array': { met: { [enterprise()]: { manager: { value: '{mid}' } } } },
  'entra-manager-as-string': { met: { [enterprise()]: { manager: { value: '{mid}' } } } },
  'entra-attributes-at-the-root': { met: { resource: { schemas: [User.schema.id], userName: 'jyoung@testuser.com' } } },
  'entra-schemas-of-its-own': { met: { resource: { schemas: [Group.schema.id], displayName: 'displayName' } } },
  'entra-flags-in-the-query': {
    before: { emails: [{ type: 'work', value: 'x' }] },
    met: { displayName: 'Bjfe', emails: [{ value: 'TestMhvaes@test.microsoft.com' }] },
  },
  'entra-probes-with-a-random-name': { met: { found: false } },
  'entra-no-operations': { before: { active: true }, met: { active: true } },
  'entra-sends-nulls': { met: { resource: { displayName: 'Joy Young', name: { familyName: 'Young' } } } },
  'entra-reads-groups-without-members': { met: {} },
  'entra-deletes-late': { met: {} },
  'entra-capital-operations': { met: { active: false } },
  'entra-removes-by-value': { met: { membership: [{ kind: 'remove', values: ['{uid1}'] }] } },
  'entra-062020-keys-are-paths': {
    before: { emails: [{ type: 'work', value: 'x' }] },
    met: { name: { givenName: 'Kkom', familyName: 'Unua' }, [enterprise()]: { employeeNumber: 'Aklq' } },
  },
  'google-plain-json': { met: { resource: { userName: 'a@b.c' } } },
  'onelogin-unnamed-extension': { met: { resource: { [enterprise()]: { department: 'Eng' } } } },
  'onelogin-probes-with-an-unknown-name': { met: { found: false } },
  'onelogin-null-id': { met: { resource: { userName: 'a@b.c' } } },
  'jumpcloud-removes-by-value': { met: { membership: [{ kind: 'remove', values: ['{uid1}'] }] } },
  'jumpcloud-null-emails': { met: { resource: { userName: 'testuser@example.io', name: { givenName: 'firstname' } } } },
  'jumpcloud-tests-by-writing': { row: 'jumpcloud: delete test user', met: {} },
  'pingfederate-unquoted-literals': { before: { emails: [{ value: 'jsmith@example.com' }] }, met: { found: true } },
  'pingfederate-bare-emails': { before: { emails: [{ value: 'jsmith@example.com' }] }, met: { found: true } },
  'pingfederate-lists-all-groups': { met: {} },
  'pingfederate-replaces': { met: { resource: { name: { givenName: 'Janet', familyName: 'Jones' } } } },
  'pingone-filter-of-no-attribute': { before: { emails: [{ value: 'jsmith@example.com' }] }, met: { found: false } },
  'pingone-letter-case-of-filters': { before: { userName: 'jsmith@example.com' }, met: { found: true } },
  'sailpoint-adds-to-replace': { before: { active: true }, met: { active: false } },
  'sailpoint-discovers-schemas': { met: {} },
  'rippling-probes-the-configuration': { met: {} },
  'rippling-patches-groups-if-told': { met: { membership: [{ kind: 'add', values: ['{uid1}'] }] } },
}

function enterprise(): string {
  return 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
}

test('every quirk has a proof, and every proof a quirk', () => {
  expect(Object.keys(proofs).sort()).toEqual([...quirks.keys()].sort())
})

const strength: readonly Grade[] = ['inferred', 'reported', 'documented', 'captured']
const words: Record<string, Grade> = {
  captured: 'captured',
  documented: 'documented',
  reported: 'reported',
  fixture: 'reported',
  template: 'reported',
  inferred: 'inferred',
}

function gradeOf({ evidence }: Row): Grade {
  const grades = Object.keys(words).filter((word) => evidence.includes(word))
  const [best] = grades.map((word) => words[word] ?? 'inferred')
  if (best === undefined) throw new Error(`no grade is told in "${evidence}"`)
  return best
}

test.each([...quirks])('%s rests on recorded requests, and claims no more than they show', (_code, { quirk }) => {
  for (const { grade, row } of quirk.evidence) {
    expect(strength.indexOf(grade)).toBeLessThanOrEqual(strength.indexOf(gradeOf(recordedAs(row))))
  }
})

test.each([...quirks])('%s is met', (code, { quirk, dialect }) => {
  const { met, row = quirk.evidence[0].row, before = {} } = proofs[code] ?? { met: 'no proof' }
  expect(outcome(recordedAs(row), dialect, before)).toMatchObject(met as object)
})

const loosening = [...quirks].filter(([code]) => proofs[code]?.otherwise !== undefined)

test('a quirk that loosens a rule says what happens without it', () => {
  const tolerant = [...quirks].filter(([, { quirk }]) => quirk.tolerates !== undefined).map(([code]) => code)
  expect(tolerant.sort()).toEqual(loosening.map(([code]) => code).sort())
})

test.each(loosening)('%s is met for nobody else', (code, { quirk, dialect }) => {
  const { met, otherwise, row = quirk.evidence[0].row, before = {} } = proofs[code] ?? { met: 'no proof' }
  const isSame = (one: Quirk) => Object.keys(one.tolerates ?? {}).join() === Object.keys(quirk.tolerates ?? {}).join()
  const without = defineDialect({ name: 'other', quirks: dialect.quirks.filter((one) => !isSame(one)) })
  for (const caller of [without, standard]) {
    const came = outcome(recordedAs(row), caller, before)
    if (typeof otherwise === 'string') expect(came).toBe(otherwise)
    else {
      expect(came).toMatchObject(otherwise as object)
      expect(came).not.toMatchObject(met as object)
    }
  }
  for (const caller of dialects.filter((one) => !one.quirks.includes(quirk))) {
    for (const [rule, value] of Object.entries(quirk.tolerates ?? {})) {
      const kept = caller.tolerances[rule as keyof typeof caller.tolerances]
      if (Array.isArray(kept)) for (const one of value as unknown[]) expect(kept).not.toContainEqual(one)
      else if (!caller.quirks.some(({ tolerates }) => tolerates !== undefined && rule in tolerates)) {
        expect(kept).toBe(false)
      }
    }
  }
})

const everyone = [...quirks].filter(([, { quirk }]) => quirk.tolerates === undefined)

test.each(everyone)('%s is met alike for a caller of no known dialect', (code, { quirk, dialect }) => {
  const { row = quirk.evidence[0].row, before = {} } = proofs[code] ?? {}
  const { met } = proofs[code] ?? { met: 'no proof' }
  const loose = defineDialect({
    name: 'loose',
    quirks: dialect.quirks.filter((one) => one.tolerates !== undefined && !one.tolerates.plainJson),
  })
  // What the same request needs besides is left to it.
  const caller = typeof outcome(recordedAs(row), standard, before) === 'string' ? loose : standard
  expect(outcome(recordedAs(row), caller, before)).toMatchObject(met as object)
})

test.each([...quirks].filter(([, { quirk }]) => quirk.shows !== undefined))(
  '%s is named in the diagnosis of its requests, with the setting that ends it',
  (code, { quirk, dialect }) => {
    const named = quirk.evidence.map(({ row }) => {
      const found = new Diagnosis(dialect)
      perform(recordedAs(row), found, proofs[code]?.before ?? {})
      return found.deviations.filter((one) => one.code === quirk.shows)
    })
    const [explained] = named.flat()
    const first = dialect.quirks.find((one) => one.shows === quirk.shows)
    expect(explained).toMatchObject({ code: quirk.shows, quirk: first?.code })
    expect(explained?.setting).toBe(first?.setting ?? explained?.setting)
  },
)

test('a request of a known connection is read in the dialect of its kind, and of no other', () => {
  const modes: Record<string, string> = {
    'okta: create user': 'okta',
    'okta: match user': 'okta',
    'okta-aiw: update user = GET id then PUT merged': 'okta',
    'okta-aiw: deactivate = GET id then PUT active:false': 'okta-custom',
    'okta-aiw: membership/rename = GET id then PUT': 'okta-custom',
    'okta-oin: deactivate': 'okta-catalog',
    'okta-oin: membership': 'okta-catalog',
    'entra: update multi': 'entra',
    'entra-flag: update multi (aadOptscim062020)': 'entra-062020',
    'google: content type': 'google',
    'onelogin: emails as object': 'onelogin',
    'jumpcloud: patch user': 'jumpcloud',
    'pingfederate: update user': 'pingfederate',
    'pingone: create user': 'pingone',
    'sailpoint: disable account': 'sailpoint',
    'rippling: create user': 'rippling',
  }
  for (const [label, name] of Object.entries(modes)) {
    const row = recordedAs(label)
    expect([label, dialectOf(row.idp.split('-')[0] ?? '', traitsOf(row)).name]).toEqual([label, name])
  }
  for (const { kind, dialects: own } of knownIdentityProviders) {
    for (const row of recorded) expect(own).toContain(dialectOf(kind, traitsOf(row)))
  }
})

test('a request of a connection of no known kind has the dialect that it gives away, else none', () => {
  const given: Record<string, string> = {
    'okta: create user': 'okta',
    'okta-aiw: update user = GET id then PUT merged': 'okta',
    'google: content type': 'google',
    'entra: match by work mail': 'entra',
    'entra-flag: update multi (aadOptscim062020)': 'entra-062020',
    'onelogin: create with template artefacts': 'onelogin',
    'okta-oin: deactivate': 'standard',
    'entra: disable (default)': 'standard',
    'entra: set custom integer attribute (default)': 'standard',
    'onelogin: emails as object': 'standard',
    'entra-flag: disable': 'standard',
    'entra: create user': 'standard',
    'entra: create user with two primary e-mails': 'standard',
    'jumpcloud: remove member': 'standard',
  }
  for (const [label, name] of Object.entries(given)) {
    expect([label, dialectOf('other', traitsOf(recordedAs(label))).name]).toEqual([label, name])
  }
})

test('what every caller may send loosens no rule for a caller who is not known', () => {
  const bodies = [
    { Operations: [{ op: 'Replace', path: 'emails[type eq "work"].value', value: 'x' }] },
    { Operations: [{ op: 'replace', path: 'emails', value: { value: 'x' } }] },
    { emails: { value: 'x' } },
  ]
  for (const method of ['POST', 'PUT', 'PATCH']) {
    for (const body of bodies) {
      const traits = { method, path: '/Users', query: new URLSearchParams(), userAgent: undefined, body }
      expect(dialectOf('other', traits)).toBe(standard)
    }
  }
})

test('whatever a body holds, somebody is taken for its caller', () => {
  const key = fc.constantFrom(
    'Operations',
    'op',
    'path',
    'value',
    'emails',
    enterprise(),
    'manager',
    'managerId',
    'active',
  )
  const { body } = fc.letrec((tie) => ({
    body: fc.oneof(
      { maxDepth: 5, depthSize: 'small' },
      fc.constantFrom(null, 'Add', 'emails', 7, false),
      fc.array(tie('body'), { maxLength: 3 }),
      fc.dictionary(key, tie('body'), { maxKeys: 4 }),
    ),
  }))
  const kind = fc.constantFrom('other', '', ...knownIdentityProviders.map((one) => one.kind))
  fc.assert(
    fc.property(kind, fc.constantFrom('GET', 'PATCH', 'PUT'), fc.string(), body, (known, method, filter, sent) => {
      const query = new URLSearchParams({ filter })
      expect(dialects).toContain(dialectOf(known, { method, path: filter, query, userAgent: filter, body: sent }))
    }),
  )
})

test('a request that calls itself by another name than its connection has is told of, where that is known', () => {
  const row = traitsOf(recordedAs('okta: create user'))
  expect(contradiction('entra', row)).toBe('okta')
  expect(contradiction('okta', row)).toBeUndefined()
  expect(contradiction('other', row)).toBeUndefined()
  expect(contradiction('entra', { ...row, userAgent: undefined })).toBeUndefined()
})

test('dialects have names of their own, quirks codes that begin with their identity provider', () => {
  expect(new Set(dialects.map(({ name }) => name)).size).toBe(dialects.length)
  for (const { kind, dialects: own } of knownIdentityProviders) {
    for (const { name, quirks: all } of own) {
      expect(name === kind || name.startsWith(`${kind}-`)).toBe(true)
      for (const { code, habit } of all) {
        expect(code.startsWith(`${kind}-`)).toBe(true)
        expect(habit).toMatch(/^[A-Z].*\.$/)
      }
    }
  }
})
