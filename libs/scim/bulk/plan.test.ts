import fc from 'fast-check'
import { planBulk } from './plan.ts'
import type { BulkOperation } from './request.ts'

function post(index: number, references: readonly string[] = []): BulkOperation {
  return { index, pointer: `/Operations/${index}`, method: 'POST', bulkId: `b${index}`, references }
}

function change(index: number, references: readonly string[] = []): BulkOperation {
  return { index, pointer: `/Operations/${index}`, method: 'PATCH', references }
}

const planned = (...operations: BulkOperation[]): (number | number[])[] =>
  planBulk(operations).map((step) => {
    const indexes = step.operations.map(({ index }) => index)
    return step.circular ? indexes : (indexes[0] ?? -1)
  })

test('without references forward the order is that of the request', () => {
  expect(planned(post(0), change(1, ['b0']), post(2, ['b0']), change(3))).toEqual([0, 1, 2, 3])
})

test('what is referred to before it comes is brought forward, with all that it refers to', () => {
  expect(planned(change(0), change(1, ['b4']), post(2), post(3), post(4, ['b3', 'b2']))).toEqual([0, 3, 2, 4, 1])
})

test('a circle is one step, done after what it refers to', () => {
  expect(planned(post(0, ['b1']), post(1, ['b0']))).toEqual([[0, 1]])
  expect(planned(post(0, ['b2']), post(1), post(2, ['b3', 'b1']), post(3, ['b0']), change(4, ['b3']))).toEqual([
    1,
    [0, 2, 3],
    4,
  ])
})

test('what refers to itself is a circle of one', () => {
  expect(planned(post(0, ['b0']), change(1, ['b0']))).toEqual([[0], 1])
})

test('two circles, one of which refers to the other, are two steps', () => {
  expect(planned(post(0, ['b1', 'b2']), post(1, ['b0']), post(2, ['b3']), post(3, ['b2']))).toEqual([
    [2, 3],
    [0, 1],
  ])
})

test('a chain as long as a bulk request may be is followed to its end', () => {
  const chain = Array.from({ length: 1000 }, (_, index) => post(index, index === 999 ? [] : [`b${index + 1}`]))
  expect(planned(...chain)).toEqual(Array.from({ length: 1000 }, (_, index) => 999 - index))
})

test('whatever refers to what, each operation is done once, and after what it refers to or together with it', () => {
  const requests = fc.array(fc.tuple(fc.boolean(), fc.array(fc.nat(11), { maxLength: 3 })), { maxLength: 12 })
  fc.assert(
    fc.property(requests, (drafts) => {
      const operations = drafts.map(([creates, targets], index) => {
        const references = targets.filter((target) => drafts[target]?.[0]).map((target) => `b${target}`)
        return creates ? post(index, references) : change(index, references)
      })
      const steps = planBulk(operations)
      expect(steps.flatMap((step) => step.operations.map(({ index }) => index)).sort((a, b) => a - b)).toEqual(
        operations.map(({ index }) => index),
      )
      const done = new Set<string>()
      for (const step of steps) {
        const own = step.operations.map(({ bulkId = '' }) => bulkId)
        for (const { references, bulkId = '' } of step.operations) {
          for (const reference of references) {
            expect(done.has(reference) || (step.circular && own.includes(reference))).toBe(true)
          }
          done.add(bulkId)
        }
        // Nothing is held to be circular that could be done one after the other.
        if (step.circular) {
          for (const { references } of step.operations) expect(references.some((one) => own.includes(one))).toBe(true)
        }
      }
      const changes = steps.flatMap((step) => step.operations).filter(({ method }) => method === 'PATCH')
      expect(changes.map(({ index }) => index)).toEqual(changes.map(({ index }) => index).sort((a, b) => a - b))
    }),
  )
})
