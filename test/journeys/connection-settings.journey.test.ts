import { eventually } from '../world.ts'
import { connection, create, scim, shareOneConnection, world } from './one-connection.ts'

shareOneConnection()

const patch = {
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [{ op: 'replace', path: 'title', value: 'Countess' }],
}

test('where a connection asks for it PATCH is answered 204, and with the resource when attributes are named', async () => {
  const { id } = await create('/Users', { userName: 'ada' })
  expect(await scim('PATCH', `/Users/${id}`, patch)).toMatchObject({ status: 200, body: { id, title: 'Countess' } })
  const set = await world.admin('PATCH', `/connections/${connection.id}`, { settings: { patchAnswer: 'none' } })
  expect(set).toMatchObject({ status: 200, body: { settings: { patchAnswer: 'none', mode: 'live' } } })
  const answer = await eventually(
    () => scim('PATCH', `/Users/${id}`, patch),
    ({ status }) => status === 204,
  )
  expect(answer.headers.get('etag')).toBe('W/"2"')
  expect(answer.body).toBeUndefined()
  const named = await scim('PATCH', `/Users/${id}?attributes=title`, patch)
  expect(named).toMatchObject({ status: 200, body: { id, title: 'Countess' } })
  expect(named.body.userName).toBeUndefined()
  expect(await scim('PATCH', `/Users/${id}?excludedAttributes=title`, patch)).toMatchObject({ status: 204 })

  const [record] = await eventually(
    () => world.audit({ operation: 'connections.update', connection: connection.id }),
    (found) => found.length > 0,
  )
  expect(record).toMatchObject({ changed: ['settings.patchAnswer'] })
})
