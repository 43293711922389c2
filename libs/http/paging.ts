import { z } from 'zod'
import { parse } from './parse.ts'
import { type Problem, problems } from './problem.ts'

/** Where a page of an admin list begins and how long it may be. */
export interface Paging {
  readonly limit: number
  /** The sort key of the last item of the page before; undefined for the first page. */
  readonly after: readonly string[] | undefined
}

/** Paging of a list that goes by age: its place is the instant and the id of the last item shown. */
export interface PagingByAge extends Paging {
  readonly after: readonly [instant: string, id: string] | undefined
}

/** The one form of all admin lists. `next` is given as `after` for the page that follows; absent on the last. */
export interface Page<T> {
  readonly items: readonly T[]
  readonly next?: string
}

/** The parameters of every admin list. */
export const pagingQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  after: z.string().max(1024).optional(),
})
/** As `toISOString` writes it; in the calendar of databases there is no year 0. */
const instant = z.iso.datetime({ precision: 3 }).refine((text) => !text.startsWith('0000'))
const sortKey = z.array(z.string().regex(/^[^\0]*$/))

/**
 * Reads `limit` (1 to 200, 50 unless given) and `after` of a request's query; other parameters are left alone. The list's sort key has so many parts.
 * @throws Problem `invalid`
 */
export function paging(parameters: unknown, parts = 1): Paging {
  const { limit, after } = parse(pagingQuery, parameters ?? {})
  return { limit, after: after === undefined ? undefined : readCursor(after, parts) }
}

/** Like `paging`, for a list whose sort key is [instant, id], the id of the form that the list has. @throws Problem `invalid` */
export function pagingByAge(parameters: unknown, id: z.ZodType<string> = z.string()): PagingByAge {
  const { limit, after } = paging(parameters, 2)
  if (after === undefined) return { limit, after }
  const place = z.tuple([instant, id]).safeParse(after)
  if (!place.success) throw notOfThisList()
  return { limit, after: place.data }
}

/**
 * Makes a page of the rows that a store found, in order, for `limit + 1`: the one too many only tells that more follow.
 * `keyOf` gives the sort key that `Paging.after` will hold for the next page.
 */
export function pageOf<Row, T>(
  rows: readonly Row[],
  { limit }: Paging,
  keyOf: (row: Row) => readonly string[],
  itemOf: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const items = shown.map(itemOf)
  if (rows.length <= limit || last === undefined) return { items }
  return { items, next: Buffer.from(JSON.stringify(keyOf(last))).toString('base64url') }
}

function readCursor(after: string, parts: number): readonly string[] {
  try {
    return sortKey.length(parts).parse(JSON.parse(Buffer.from(after, 'base64url').toString('utf8')))
  } catch {
    throw notOfThisList()
  }
}

function notOfThisList(): Problem {
  return problems.invalid([
    { path: ['after'], message: 'is not the "next" of a page of this list; leave it out to begin anew' },
  ])
}
