import type { BulkOperation } from './request.ts'

/** What is done at a time: one operation, or several that refer to each other in a circle and can only be done together. */
export interface BulkStep {
  /** In the order of the request. */
  readonly operations: readonly BulkOperation[]
  readonly circular: boolean
}

/**
 * The order in which the operations are done: that of the request, but a POST that an earlier operation refers to is brought
 * forward to just before it, so that every reference is to what was done already. Only a POST is ever brought forward: nothing
 * that stood before it can refer to what it makes, except by its bulkId. What refers to each other in a circle
 * (RFC 7644 section 3.7.1), or to itself, is one step.
 */
export function planBulk(operations: readonly BulkOperation[]): BulkStep[] {
  const posts = new Map<string, BulkOperation>()
  for (const operation of operations) {
    if (operation.method === 'POST' && operation.bulkId !== undefined) posts.set(operation.bulkId, operation)
  }
  const steps: BulkStep[] = []
  const visits = new Map<BulkOperation, Visit>()
  const open: Visit[] = []

  // Tarjan's algorithm: it ends each set of operations that reach each other after all that they refer to.
  function visit(operation: BulkOperation): Visit {
    const own: Visit = { operation, number: visits.size, lowest: visits.size, isOpen: true }
    visits.set(operation, own)
    open.push(own)
    for (const reference of operation.references) {
      const target = posts.get(reference)
      if (target === undefined) continue
      const seen = visits.get(target) ?? visit(target)
      if (seen.isOpen) own.lowest = Math.min(own.lowest, seen.lowest)
    }
    if (own.lowest === own.number) steps.push(close(open.splice(open.indexOf(own))))
    return own
  }

  for (const operation of operations) if (!visits.has(operation)) visit(operation)
  return steps
}

interface Visit {
  readonly operation: BulkOperation
  readonly number: number
  lowest: number
  isOpen: boolean
}

function close(circle: readonly Visit[]): BulkStep {
  for (const visit of circle) visit.isOpen = false
  const operations = circle.map(({ operation }) => operation).sort((one, other) => one.index - other.index)
  const [first] = operations
  const refersToItself =
    first?.bulkId !== undefined && first.method === 'POST' && first.references.includes(first.bulkId)
  return { operations, circular: operations.length > 1 || refersToItself }
}
