import { z } from 'zod'
import { paging, type Paging, problems } from '#libs/http/index'

/** Names of tenants and connections: spaces around them do not count. */
export const nameRule = z
  .string('must be a text')
  .trim()
  .min(1, 'must not be empty')
  .max(200, 'is longer than 200 characters')
  .regex(/^\P{Cc}*$/u, 'must not hold control characters')

const placeByAge = z.tuple([z.iso.datetime(), z.string()])

/** Paging of a list that goes by age: its place is the time and the id of the last item shown. Throws Problem `invalid`. */
export function pagingByAge(query: unknown): Paging {
  const page = paging(query)
  if (page.after === undefined || placeByAge.safeParse(page.after).success) return page
  throw problems.invalid([
    { path: ['after'], message: 'is not the "next" of a page of this list; leave it out to begin anew' },
  ])
}
