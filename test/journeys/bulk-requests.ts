import { bulk, patch, type Told } from '../world.ts'
import { scim } from './one-connection.ts'

/** The results of a bulk request that was answered as one. */
export async function run(operations: readonly object[], failOnErrors?: number): Promise<Told[]> {
  const answer = await scim('POST', '/Bulk', bulk(operations, failOnErrors))
  expect(answer).toMatchObject({
    status: 200,
    body: { schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkResponse'] },
  })
  expect(answer.headers.get('content-type')).toBe('application/scim+json; charset=utf-8')
  return answer.body.Operations
}

export const statuses = (results: readonly Told[]): string[] => results.map(({ status }) => status)
export const post = (bulkId: string, data: object, path = '/Users') => ({ method: 'POST', path, bulkId, data })
export const idIn = ({ location }: Told): string => location.split('/').at(-1)
export const members = async (id: string): Promise<string[]> =>
  ((await scim('GET', `/Groups/${id}`)).body.members ?? []).map(({ value }: Told) => value).sort()
/** How many are of that name. */
export const named = async (path: '/Users' | '/Groups', name: string): Promise<number> =>
  (await scim('GET', `${path}?filter=${path === '/Users' ? 'userName' : 'displayName'} eq "${name}"`)).body.totalResults

export function addMembers(...ids: string[]): object {
  return patch({ op: 'add', path: 'members', value: ids.map((value) => ({ value })) })
}
