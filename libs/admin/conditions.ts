import { createHash } from 'node:crypto'
import { problems } from '#libs/http/index'
import { inOrder } from './in-order.ts'

/** What a thing is like now: the number of its version, or a `stateOf` it. Letters, digits, hyphens and underscores. */
export type State = number | string

/** For what has no version of its own. The order of properties makes no difference. */
export function stateOf(value: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify(inOrder(JSON.parse(JSON.stringify(value)))))
    .digest('base64url')
    .slice(0, 22)
}

/**
 * The entity tag of what is in this state. `beside` is what its answer tells that the state does not count, such as its last use: it
 * makes another tag, so that nobody is told "not modified" of it, and a condition on a write does not go by it.
 */
export function tagOf(state: State, beside?: unknown): string {
  return beside === undefined || beside === null ? `"${state}"` : `"${state}.${stateOf(beside)}"`
}

const tag = /^\s*(?:,\s*)*(W\/)?("[\x21\x23-\x7e\u0080-\u00ff]*")\s*(?:,|$)/

type Tags = '*' | readonly { readonly weak: boolean; readonly tag: string }[]

/** The tags of an If-Match or If-None-Match header (RFC 9110 section 8.8.3), or `*`; undefined when it is neither. */
function readTags(header: string): Tags | undefined {
  if (header.trim() === '*') return '*'
  const tags = []
  let rest = header
  while (rest.trim() !== '') {
    const [whole, weak, opaque] = tag.exec(rest) ?? []
    if (whole === undefined || opaque === undefined) return undefined
    tags.push({ weak: weak !== undefined, tag: opaque })
    rest = rest.slice(whole.length)
  }
  return tags
}

/** Throws Problem `badRequest`. */
function tagsIn(header: string, name: string): Tags {
  const tags = readTags(header)
  if (tags !== undefined) return tags
  throw problems.badRequest(
    `${name} is neither * nor a list of entity tags. Send the ETag of the answer that you read, with its quotation marks.`,
  )
}

/**
 * Whether If-None-Match names the tag (RFC 9110 section 13.1.2: weak comparison), so that the answer need not be sent again. One that
 * cannot be read names none.
 */
export function isUnmodified(ifNoneMatch: string | undefined, present: string): boolean {
  if (ifNoneMatch === undefined) return false
  const tags = readTags(ifNoneMatch)
  return tags === '*' || tags?.some((one) => one.tag === present) === true
}

interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
}

/**
 * Holds a write to its conditions (RFC 9110 section 13.1), given the state of what is there, or undefined when nothing is.
 * @throws Problem `preconditionFailed`
 */
export function checkConditions({ ifMatch, ifNoneMatch }: Conditions, state: State | undefined): void {
  if (ifMatch !== undefined) {
    const tags = tagsIn(ifMatch, 'If-Match')
    if (state === undefined || (tags !== '*' && !tags.some((one) => !one.weak && stateIn(one.tag) === String(state)))) {
      throw problems.preconditionFailed('If-Match', state === undefined ? undefined : tagOf(state))
    }
  }
  if (ifNoneMatch !== undefined && state !== undefined) {
    const tags = tagsIn(ifNoneMatch, 'If-None-Match')
    if (tags === '*' || tags.some((one) => stateIn(one.tag) === String(state))) {
      throw problems.preconditionFailed('If-None-Match', tagOf(state))
    }
  }
}

function stateIn(opaque: string): string | undefined {
  const [, state] = /^"([\w-]+)(?:\.[\w-]+)?"$/.exec(opaque) ?? []
  return state
}
