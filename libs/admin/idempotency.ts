import { createHash } from 'node:crypto'
import { problems } from '#libs/http/index'
import type { JsonValue } from '#libs/scim/index'
import type { AdminCall } from './admin-call.ts'
import { inOrder } from './in-order.ts'
import { bootstrapId } from './powers.ts'

/** What an answer may be made of to be kept and given again. */
export type Replayable = JsonValue | readonly Replayable[] | { readonly [name: string]: Replayable }

export interface IdempotencyKey {
  readonly text: string
  /** SHA-256 of method, path, query, body and who asks: the same request has the same. */
  readonly fingerprint: Buffer
}

/** What tells one request from another. */
export type Identified = Pick<AdminCall, 'header' | 'method' | 'path' | 'query' | 'body' | 'actorId'>

/** Throws Problem `badRequest` when the header is there and is not 1 to 255 visible ASCII characters. */
export function readIdempotencyKey(call: Identified): IdempotencyKey | undefined {
  const text = call.header('idempotency-key')
  if (text === undefined) return undefined
  if (!/^[\x21-\x7e]{1,255}$/.test(text)) {
    throw problems.badRequest(
      'The Idempotency-Key is not of 1 to 255 visible ASCII characters. A new UUID for each request does well.',
    )
  }
  const request = JSON.stringify([call.method, call.path, call.query, inOrder(call.body), ...othersId(call)])
  return { text, fingerprint: createHash('sha256').update(request).digest() }
}

/** The first token's requests are those of before there were others. */
function othersId({ actorId }: Identified): string[] {
  return actorId === undefined || actorId === bootstrapId ? [] : [actorId]
}
