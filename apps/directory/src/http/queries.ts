import { z } from 'zod'
import { type Page, type Paging, pageOf, paging, pagingQuery, parse } from '#libs/http/index'

export const peopleQuery = pagingQuery.extend({ userName: z.string().min(1).optional() })

export function readPeopleQuery(query: unknown): { paging: Paging; userName: string | undefined } {
  const { userName } = parse(peopleQuery, query)
  return { paging: paging(query), userName }
}

/** What to ask the store for: one more than is shown tells whether there is a next page. */
export function spanOf({ limit, after }: Paging): { after: string; limit: number } {
  return { after: after?.[0] ?? '', limit: limit + 1 }
}

export function pageById<Row extends { id: string }, T>(
  rows: readonly Row[],
  at: Paging,
  itemOf: (row: Row) => T,
): Page<T> {
  return pageOf(rows, at, (row) => [row.id], itemOf)
}
