import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { anyCodePoints, anyJson, everyType, everyTypeSchema, mangled, runs } from './arbitrary/index.ts'
import { Diagnosis } from './diagnosis.ts'
import { ScimError } from './error.ts'
import { parseAttributePath, parseFilter } from './filter/parse.ts'
import { resolveFilter } from './filter/resolve.ts'
import { parseJson } from './json.ts'
import type { JsonValue } from './json.ts'
import { parsePaging } from './list.ts'
import { applyPatch } from './patch/apply.ts'
import { parsePatch } from './patch/operation.ts'
import { splitPatch } from './patch/split.ts'
import { standard } from './quirks/dialect.ts'
import { entra } from './quirks/entra.ts'
import { onelogin } from './quirks/onelogin.ts'
import { parseProjection } from './render.ts'
import { readResource } from './resource.ts'
import type { Resource } from './resource.ts'
import { resourceTypes } from './schema/resource-types.ts'
import { parseSearch } from './search.ts'

const file = new URL('../../../test/idp/requests.json', import.meta.url)
const rows: { path: string; body?: JsonValue }[] = JSON.parse(readFileSync(file, 'utf8'))
const bodies = rows.flatMap(({ body }) => (body === undefined ? [] : [JSON.stringify(body)]))
const queries = rows.map(({ path }) => new URL(`https://x.example${path}`).searchParams)
const filters = [
  ...queries.flatMap((query) => query.getAll('filter')),
  'userName sw "a" and not (emails[type eq "work" and value co "x"] or active eq true) or meta.created gt "2026-01-31T12:00:00Z"',
  `${everyTypeSchema.id}:count ge 9007199254740993 and ${everyTypeSchema.id}:one[texts eq "x"]`,
]
const ada: Resource = {
  schemas: [everyType.schema.id],
  userName: 'ada',
  emails: [{ value: 'a@x.example', type: 'work' }],
}
const group: Resource = { schemas: [resourceTypes.Group.schema.id], displayName: 'g' }

/** Each way in; what one throws must be a SCIM error of the client's, with a detail of a length that can be read. */
function tryAll(ways: readonly (() => unknown)[]): void {
  for (const way of ways) {
    try {
      way()
    } catch (error) {
      if (!(error instanceof ScimError)) throw error
      expect(error.status).toBeLessThan(500)
      expect(error.detail.length).toBeLessThan(600)
    }
  }
}

function readBody(body: unknown): (() => unknown)[] {
  return [
    ...[standard, ...entra.dialects, ...onelogin.dialects].flatMap((dialect) => {
      const found = new Diagnosis(dialect)
      return [
        () => readResource(everyType, body, found),
        () => readResource(resourceTypes.Group, body, found),
        () => applyPatch(everyType, ada, parsePatch(body, found), found),
        () => applyPatch(resourceTypes.Group, group, splitPatch(parsePatch(body, found), found).document, found),
      ]
    }),
    () => applyPatch(everyType, ada, parsePatch(body, new Diagnosis(), { insideBulk: true })),
    () => parseSearch(body),
    () => parseProjection(everyType, Object(body)),
    () => parsePaging(Object(body), 200),
  ]
}

test('no recorded body, however mangled, makes anything throw but a SCIM error', () => {
  fc.assert(
    fc.property(mangled(bodies), (text) => {
      tryAll([() => parseJson(text)])
      let body: JsonValue
      try {
        body = parseJson(text)
      } catch {
        return
      }
      tryAll(readBody(body))
    }),
    runs(100),
  )
})

test('no JSON of the words of the protocol in wrong places does', () => {
  const names = [
    ...everyType.references.keys(),
    'schemas',
    'Operations',
    'op',
    'path',
    'value',
    'filter',
    'add',
    'remove',
    'replace',
  ]
  const schemas = [
    'urn:ietf:params:scim:api:messages:2.0:PatchOp',
    'urn:ietf:params:scim:api:messages:2.0:SearchRequest',
  ]
  fc.assert(
    fc.property(anyJson(names), anyJson(names), (body, operation) => {
      tryAll(readBody(body))
      tryAll(readBody({ schemas, Operations: [operation], ...Object(body) }))
    }),
    runs(60),
  )
})

test('no filter or path, however mangled, does', () => {
  fc.assert(
    fc.property(fc.oneof(mangled(filters), anyCodePoints), (text) => {
      tryAll([() => resolveFilter(everyType, parseFilter(text)), () => parseAttributePath(text)])
      tryAll([() => applyPatch(everyType, ada, [{ op: 'remove', path: parseAttributePath(text), pointer: '' }])])
    }),
    runs(300),
  )
})

test('bytes in no order do not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const text = Buffer.from(bytes).toString('latin1')
      tryAll([() => parseJson(text), () => parseFilter(text), () => parseAttributePath(text)])
    }),
    runs(200),
  )
})

test('what is very long, deep or many is refused or read', () => {
  const many = (count: number, text: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => text(index)).join()
  const operations = (...all: string[]): string =>
    `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[${all.join()}]}`
  const texts = [
    '['.repeat(50_000),
    '{"a":'.repeat(50_000),
    `${'['.repeat(200)}${']'.repeat(200)}`,
    `{"userName":"${'a'.repeat(100_000)}"}`,
    `{"userName":"${'\\u0600\\u0301'.repeat(5_000)}"}`,
    `{"userName":"a${'\\u200c\\u0300'.repeat(5_000)}"}`,
    `{"userName":"a","title":"${'\\\\'.repeat(50_000)}"}`,
    `{"userName":"a","emails":[${many(2_000, (index) => `{"value":"${index}"}`)}]}`,
    `{"userName":"a",${many(5_000, (index) => `"k${index}":${index}`)}}`,
    `{"userName":"a","userName":"b",${many(1_000, (index) => `"k${index}":1e400`)}}`,
    `{"userName":"a","x":${'9'.repeat(90_000)},"externalId":${'9'.repeat(10_000)}}`,
    `{"userName":"a","${everyTypeSchema.id}":{"weight":${'9'.repeat(50_000)}e${'9'.repeat(9)}}}`,
    `{"userName":"a","x509Certificates":[{"value":"${'A '.repeat(50_000)}="}]}`,
    `{"userName":"a","roles":"${'{'.repeat(50_000)}"}`,
    operations(...Array(1_000).fill('{"op":"add","path":"emails[type eq \\"work\\"].display","value":"x"}')),
    operations(
      ...Array(5).fill(`{"op":"add","path":"emails","value":[${many(500, (index) => `{"value":"${index}"}`)}]}`),
    ),
  ]
  for (const text of texts) {
    tryAll([() => parseJson(text)])
    let body: JsonValue = null
    try {
      body = parseJson(text)
    } catch {
      // It was refused.
    }
    tryAll(readBody(body))
  }
})
