import fc from 'fast-check'
import { comparableForm } from './comparable.ts'
import { fold } from './filter/fold.ts'
import type { JsonObject } from './json.ts'
import { attribute } from './schema/attribute.ts'
import { defineResourceType } from './schema/resource-type.ts'
import { resourceTypes } from './schema/resource-types.ts'

const { User } = resourceTypes
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
const own = 'urn:example:Own'
const Widened = defineResourceType({
  ...User,
  extensions: [
    ...User.extensions,
    {
      required: false,
      schema: {
        id: own,
        name: 'Own',
        description: 'Own',
        attributes: [
          attribute('since', 'dateTime', 'Since.'),
          attribute('code', 'string', 'Code.', { caseExact: true }),
        ],
      },
    },
  ],
})

test('a document of ASCII is compared as it is', () => {
  expect(comparableForm(User, { schemas: [], userName: 'ADA', name: { familyName: 'Smith' }, active: true })).toBe(
    undefined,
  )
  expect(comparableForm(User, { userName: 'müller', title: '日本' })).toBeUndefined()
})

test('else texts are folded wherever they lie, unless they are caseExact, and dateTimes are canonical', () => {
  const document: JsonObject = {
    userName: 'Ada',
    externalId: 'ÄÖ',
    name: { familyName: 'ÜMLAUT', givenName: 'Ada' },
    emails: [{ value: 'a@x.com', display: 'ＷＩＤＥ', primary: true }, { value: 'b@x.com' }],
    [enterprise]: { department: 'Ärzte' },
    [own]: { since: '2026-01-31T12:00:00+01:00', code: 'ÄÖ' },
  }
  expect(comparableForm(Widened, document)).toEqual({
    ...document,
    name: { familyName: 'ümlaut', givenName: 'Ada' },
    emails: [{ value: 'a@x.com', display: 'wide', primary: true }, { value: 'b@x.com' }],
    [enterprise]: { department: 'ärzte' },
    [own]: { since: '2026-01-31T11:00:00.000000000Z', code: 'ÄÖ' },
  })
})

test('lower-casing A to Z of what is compared gives the folded text, whatever the text', () => {
  const lowered = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (title) => {
      const compared = comparableForm(User, { title })?.['title'] ?? title
      expect(lowered(String(compared))).toBe(fold(title))
    }),
  )
})
