import type { KeptAhead, Span } from '#libs/cache/index'
import type { Database } from '#libs/postgres/index'

export interface SignedAheadOptions {
  readonly clock: () => Date
  readonly onFailure: (error: unknown) => void
}

type Row = { kid: string; begins: Date; ends: Date }

/**
 * When each key may have created what was taken ahead of the clock, in the gateway's table: for a gateway whose nonces are in memory. What has come to pass is
 * forgotten, since nothing is taken that was created before a start. Rejects with the driver's error when it cannot be read.
 */
export async function openSignedAhead(
  database: Database,
  { clock, onFailure }: SignedAheadOptions,
): Promise<KeptAhead> {
  const before = new Map<string, Span[]>()
  for (const { kid, begins, ends } of await database.query<Row>(readAhead, [clock()])) {
    const spans = before.get(kid) ?? []
    spans.push({ from: begins, until: ends })
    before.set(kid, spans)
  }
  return {
    before,
    async keep(kid, { from, until }) {
      try {
        await database.query(keepAhead, [kid, from, until, clock()])
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
