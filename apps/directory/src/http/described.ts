import { z } from 'zod'
import type { AdminPart } from '#libs/admin/index'
import { environments, groupEvents, userEvents } from '#libs/events/index'
import { pagingQuery } from '#libs/http/index'
import { directoryOperations } from './operations.ts'
import { peopleQuery } from './queries.ts'

const whose = { tenant: z.string(), connection: z.string(), environment: z.enum(environments), version: z.int() }
const person = userEvents['user.provisioned'].shape.person.extend(whose)
const group = groupEvents['group.created'].shape.group.extend(whose)
const effective = z.array(z.object({ id: z.string(), displayName: z.string(), direct: z.boolean() }))
const member = z.object({
  id: z.string(),
  kind: z.enum(['user', 'group']).nullable(),
  displayName: z.string().nullable(),
})

function pageOf(item: z.ZodType) {
  return z.object({ items: z.array(item), next: z.string().optional() })
}

const ofConnection = { scope: 'directory:read', concerns: 'connection' } as const

/** Each of the directory's operations: what it asks for, takes and answers. */
export const directoryPart: AdminPart<typeof directoryOperations> = {
  service: 'directory',
  operations: directoryOperations,
  described: {
    'GET /directory/v1/:connection/users': {
      ...ofConnection,
      summary: 'List people',
      query: peopleQuery,
      answers: { 200: pageOf(person.meta({ id: 'Person' })) },
    },
    'GET /directory/v1/:connection/users/:id': {
      ...ofConnection,
      summary: 'Show a person and the groups that they are in, directly or through others',
      answers: { 200: person.extend({ groups: effective }) },
    },
    'GET /directory/v1/:connection/groups': {
      ...ofConnection,
      summary: 'List groups',
      query: pagingQuery,
      answers: { 200: pageOf(group.meta({ id: 'Group' })) },
    },
    'GET /directory/v1/:connection/groups/:id': {
      ...ofConnection,
      summary: 'Show a group, its direct members and the groups that it is in',
      query: pagingQuery,
      answers: { 200: group.extend({ members: pageOf(member), groups: effective }) },
    },
  },
}
