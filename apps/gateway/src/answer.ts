import type { ScimError } from '#libs/scim/index'
import { renderError } from '#libs/scim/index'
import { redact } from '#libs/telemetry/index'

/** What goes back to the identity provider, and what its record says of it. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON text, whole or as it comes; absent for 204. */
  readonly body?: string | TextStream
  readonly outcome: Outcome
  /** To be waited for right before it is sent, when nothing else of the request is held any more: many may wait. */
  readonly turn?: () => Promise<void>
}

/** A text that is too long to be held. */
export interface TextStream {
  /** To be gone through once; an error in it means that the rest is not to be had. */
  readonly pieces: AsyncIterable<string>
  /** Lets go of what it is read from. To be called in the end, whatever happened; does not reject. */
  close(): Promise<void>
}

export interface Outcome {
  readonly result: 'accepted' | 'refused' | 'failed'
  readonly status: number
  readonly code: string | null
  readonly detail: string | null
  readonly subject: { readonly kind: string; readonly id: string } | null
  readonly changed: readonly string[]
  readonly events: readonly string[]
  /** Whether it deactivated or deleted a user. */
  readonly takesAway?: boolean
  /** For a list or a search: how many users and groups it shows. */
  readonly shown?: number
  /** For a dry run: names of the attributes and events that it would have brought about. */
  readonly rehearsed?: { readonly changed: readonly string[]; readonly events: readonly string[] }
  /** For a bulk request: how many operations it had, how many of them were refused, and how many were not begun. */
  readonly bulk?: { readonly operations: number; readonly refused: number; readonly notBegun: number }
}

/** What a request that was done says of itself: nothing changed and no events unless `about` tells of them. */
export function accepted(status: number, about: Partial<Outcome> = {}): Outcome {
  return {
    result: 'accepted',
    status,
    code: null,
    detail: null,
    subject: null,
    changed: [],
    events: [],
    ...about,
  }
}

/** What became of an answer that was begun and not brought to its end, by our fault or because the client was gone. */
export function brokenOff(outcome: Outcome, whose: 'ours' | "the client's"): Outcome {
  return whose === 'ours'
    ? {
        ...outcome,
        result: 'failed',
        code: 'answer-broken-off',
        detail: 'The answer could not be completed because of a fault in this service, and the connection was broken.',
      }
    : { ...outcome, code: 'client-gone', detail: 'The client closed the connection before it had the whole answer.' }
}

/** A refusal as RFC 7644 section 3.12 has it; what is our own fault counts as failed. */
export function refused(error: ScimError, headers: Readonly<Record<string, string>> = {}): Answer {
  const isOurs = error.status >= 500 && error.status !== 501
  const result = isOurs ? 'failed' : 'refused'
  // It may quote what the client sent. Those that come in floods do not; and the advice of a 401 would look like a secret.
  const detail = error.status === 401 || error.status === 429 ? error.detail : redact(error.detail)
  return {
    status: error.status,
    headers: { ...error.headers, ...headers },
    body: JSON.stringify({ ...renderError(error), detail }),
    outcome: { ...accepted(error.status), result, code: error.code, detail },
  }
}
