import { readFileSync } from 'node:fs'
import { deviationsPage, pageFile } from './deviations-page.ts'

test('docs/deviations.md tells every deviation and every quirk as they are', () => {
  expect(readFileSync(pageFile, 'utf8')).toBe(deviationsPage())
})
