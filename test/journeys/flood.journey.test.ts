import { mintKey } from '#libs/credentials/index'
import { type Connection, eventually, type OwnWorld, startWorld } from '../world.ts'

const answeredAsTheyAre = 10
/** As many refusals wait as have their turn within half a minute. */
const tooMany = 12

let world: OwnWorld
let connection: Connection

beforeAll(async () => {
  world = await startWorld({
    LATCHKEY_RATE_UNPROVED: String(answeredAsTheyAre),
    LATCHKEY_RATE_REFUSALS: '1',
  })
  connection = await world.connection('okta')
})

test('refusals of too many bad keys and tokens wait for their turns, and are not told as answered before; good requests do not wait, and all have their answers when it ends', async () => {
  const good = world.scim(connection)
  const statuses: number[] = []
  const bad = Array.from({ length: answeredAsTheyAre + tooMany }, async () => {
    const { status } = await world.scim({ ...connection, key: mintKey('live').text })('GET', '/Users')
    statuses.push(status)
  })
  const exchanged = Array.from({ length: tooMany }, async () => {
    const { status } = await fetch(`${world.gatewayUrl}/oauth2/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${connection.id}:${mintKey('live').text}`)}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    statuses.push(status)
  })
  await eventually(
    async () => statuses,
    () => statuses.includes(401) && statuses.includes(429),
  )
  const user = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], userName: 'ada@example.com' }
  const served = [(await good('POST', '/Users', user)).status, (await good('GET', '/Users')).body.totalResults]
  const answeredMeanwhile = statuses.length
  const metrics = await (await fetch(`${world.gatewayUrl}/metrics`)).text()
  await world.stop()
  await Promise.all([...bad, ...exchanged])
  expect(served).toEqual([201, 1])
  expect(answeredMeanwhile).toBeLessThan(answeredAsTheyAre + tooMany)
  const counted = [...metrics.matchAll(/^http_server_request_duration_count{.*status_code="429".*} (\d+)$/gm)]
  const told = counted.reduce((sum, [, count]) => sum + Number(count), 0)
  expect(told).toBeGreaterThan(0)
  expect(told).toBeLessThan(tooMany)
  expect(statuses).toHaveLength(answeredAsTheyAre + 2 * tooMany)
  expect(new Set(statuses)).toEqual(new Set([401, 429]))
})
