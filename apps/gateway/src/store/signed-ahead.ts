import type { KeptAhead, Span } from '#libs/cache/index'
import type { Database } from '#libs/postgres/index'
import { profile } from '#libs/signatures/index'

export interface SignedAheadOptions {
  /** What was created up to then is not asked for: no store of nonces that begins then takes it. */
  readonly since: Date
  readonly onFailure: (error: unknown) => void
}

/** Milliseconds for which some gateway, whose clock may be a minute behind, takes what was created. */
const taken = profile.longestSkew * 1_000 + 60_000

type Row = { kid: string; begins: Date; ends: Date }

/**
 * When each key may have created what was taken ahead of the clock, in the gateway's table: what a store of nonces goes by that began at `since`, and leaves
 * to the one after it. What no gateway takes any more is forgotten, and at a start what came to pass before `since`. Rejects with the driver's error when it cannot be read.
 */
export async function openSignedAhead(
  database: Database,
  { since, onFailure }: SignedAheadOptions,
): Promise<KeptAhead> {
  const before = new Map<string, Span[]>()
  for (const { kid, begins, ends } of await database.query<Row>(readAhead, [since])) {
    const spans = before.get(kid) ?? []
    spans.push({ from: begins, until: ends })
    before.set(kid, spans)
  }
  return {
    before,
    async keep(kid, { from, until }, now) {
      try {
        await database.query(keepAhead, [kid, from, until, new Date(now.getTime() - taken)])
        return true
      } catch (error) {
        onFailure(error)
        return false
      }
    },
  }
}

const readAhead = `
  WITH passed AS (DELETE FROM gateway.signed_ahead WHERE ends <= $1)
  SELECT kid, begins, ends FROM gateway.signed_ahead WHERE ends > $1`

const keepAhead = `
  WITH passed AS (DELETE FROM gateway.signed_ahead WHERE kid = $1 AND ends <= $4)
  INSERT INTO gateway.signed_ahead (kid, begins, ends) VALUES ($1, $2, $3)
  ON CONFLICT (kid, begins) DO UPDATE SET ends = greatest(signed_ahead.ends, excluded.ends)`
