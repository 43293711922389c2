import fc from 'fast-check'
import { anyBody, everyType, runs } from './arbitrary/index.ts'
import { Diagnosis } from './diagnosis.ts'
import { changedAttributes } from './diff.ts'
import { isObject, parseJson } from './json.ts'
import { keepImmutable } from './mutability.ts'
import { readResource, storedResource } from './resource.ts'

const computed = {
  id: '01a20e52-426b-7001-83a3-51975df3f104',
  meta: {
    resourceType: 'User',
    created: '2026-01-31T12:00:00.000Z',
    version: 'W/"1"',
    location: 'https://x.example/1',
  },
  groups: [{ value: '1', display: 'g', type: 'direct', $ref: 'https://x.example/2' }],
}

test('a PUT of what a GET shows changes nothing', () => {
  fc.assert(
    fc.property(anyBody(everyType), (body) => {
      const stored = storedResource(JSON.stringify(readResource(everyType, body).resource))
      const shown = parseJson(JSON.stringify({ ...computed, ...stored }))
      const found = new Diagnosis()
      const { resource } = readResource(everyType, shown, found)
      expect(changedAttributes(stored, keepImmutable(everyType, stored, resource))).toEqual([])
      expect(resource).toEqual(stored)
      expect(new Set(found.deviations.map(({ code }) => code))).toEqual(new Set(['read-only-attribute']))
    }),
    runs(100),
  )
})

test('every simple value is stored as it came, but for the form of numbers and the spelling of canonical values', () => {
  const simple = everyType.schema.attributes.filter(({ type, multiValued }) => type === 'string' && !multiValued)
  fc.assert(
    fc.property(anyBody(everyType), (body) => {
      const { resource } = readResource(everyType, body)
      for (const { name, mutability } of simple) {
        expect(resource[name]).toEqual(mutability === 'writeOnly' ? undefined : body[name])
      }
      for (const { schema } of everyType.extensions) {
        const [sent, kept] = [body[schema.id], resource[schema.id]]
        if (!isObject(sent)) continue
        for (const name of ['text', 'exact', 'flag', 'since', 'bytes', 'link']) {
          expect(isObject(kept) ? kept[name] : undefined).toEqual(sent[name])
        }
      }
    }),
    runs(100),
  )
})
