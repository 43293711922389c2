import { deviations } from './deviation.ts'
import { Diagnosis } from './diagnosis.ts'
import { readResource } from './resource.ts'
import { entra } from './quirks/entra.ts'
import { resourceTypes } from './schema/resource-types.ts'

const { User } = resourceTypes

test('it keeps ten deviations of one code and fifty in all, however many there are', () => {
  const found = new Diagnosis()
  for (let index = 0; index < 100; index++) {
    for (const make of Object.values(deviations)) found.push(make(`/${index}`, 'a', 'b'))
  }
  expect(found.deviations).toHaveLength(50)
  const body = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`unknown${index}`, 1]))
  const read = new Diagnosis()
  readResource(User, { schemas: [User.schema.id], userName: 'ada', ...body }, read)
  expect(read.deviations).toHaveLength(10)
})

test('of what is attempted again the last attempt counts, within the same bounds', () => {
  const found = new Diagnosis(entra.dialects[0])
  found.push(deviations.emptyOperations('/Operations'))
  for (let attempt = 0; attempt < 3; attempt++) {
    const again = found.attempt()
    expect(again.dialect).toBe(found.dialect)
    again.push(deviations.bareValue(`/${attempt}`))
    for (let index = 0; index < 100; index++) again.push(deviations.emptyOperations(`/${index}`))
  }
  const nine = Array.from({ length: 9 }, (_, index) => `/${index}`)
  expect(found.deviations.map(({ pointer }) => pointer)).toEqual(['/Operations', '/2', ...nine])
})

test('a deviation that the dialect explains tells its quirk, and the setting that ends it', () => {
  const found = new Diagnosis(entra.dialects[0])
  found.push(deviations.operationLetterCase('/Operations/0/op'))
  found.push(deviations.duplicateValue('/emails'))
  expect(found.deviations).toEqual([
    {
      ...deviations.operationLetterCase('/Operations/0/op'),
      quirk: 'entra-capital-operations',
      setting: expect.stringContaining('aadOptscim062020'),
    },
    deviations.duplicateValue('/emails'),
  ])
})

test('what a deviation repeats is a name: neither values nor what only a person could be called', () => {
  const person = 'ada.lovelace@example.com'
  const found = new Diagnosis()
  const body = {
    schemas: [User.schema.id, person],
    userName: person,
    [person]: 1,
    'Ada Lovelace': { [person]: person },
    name: { [person]: person, givenName: person },
    emails: [{ [person]: person, value: person }],
    ['x'.repeat(200)]: 1,
    'urn:example:2.0:X': { nickName: person },
  }
  readResource(User, body, found)
  const told = JSON.stringify(found.deviations)
  for (const secret of ['ada', 'Ada', 'xxx']) expect(told).not.toContain(secret)
  expect(found.deviations.map(({ code, pointer }) => `${code} ${pointer}`)).toEqual([
    'unknown-schema /schemas/1',
    'unknown-attribute /?',
    'unknown-attribute /?',
    'unknown-attribute /name/?',
    'unknown-attribute /emails/0/?',
    'unknown-attribute /?',
    'unknown-schema /urn:example:2.0:X',
  ])
})

test('every deviation has a code of its own, a cause and a fix', () => {
  const all = Object.values(deviations).map((make) => make('', 'a', 'b'))
  expect(new Set(all.map(({ code }) => code)).size).toBe(all.length)
  for (const { code, cause, fix } of all) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/)
    for (const text of [cause, fix]) expect(text).toMatch(/^.{10,160}\.$/)
  }
})
