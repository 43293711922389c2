import type { BulkStep } from '#libs/scim/index'

/** What a step has to do with those before and after it. */
export interface Touch {
  /** Only steps of one kind run together; what is 'alone' runs with no other. */
  readonly kind: 'create' | 'update' | 'leave' | 'alone'
  /** What it reads or writes that another step may, such as a record or a name. */
  readonly keys: readonly string[]
}

/**
 * How many of the first steps may run at the same time, so that what comes of them is what comes of running one after the other
 * (RFC 7644 section 3.7): those that are of one kind, touch different things, and refer to nothing that one of them creates.
 * They have `most` operations together, unless the first has more by itself.
 */
export function togetherFromFirst(
  steps: readonly BulkStep[],
  touchOf: (step: BulkStep) => Touch,
  most: number,
): number {
  const touched = new Set<string>()
  const created = new Set<string>()
  let kind: Touch['kind'] | undefined
  let operations = 0
  for (const [count, step] of steps.entries()) {
    const touch = touchOf(step)
    operations += step.operations.length
    const fits =
      (kind === undefined || (kind === touch.kind && kind !== 'alone')) &&
      operations <= most &&
      touch.keys.every((key) => !touched.has(key)) &&
      step.operations.every(({ references }) => references.every((reference) => !created.has(reference)))
    if (!fits && count > 0) return count
    kind = touch.kind
    for (const key of touch.keys) touched.add(key)
    for (const { method, bulkId } of step.operations) if (method === 'POST' && bulkId !== undefined) created.add(bulkId)
  }
  return steps.length
}
