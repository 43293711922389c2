import { readKey } from '#libs/credentials/index'
import { adminApi } from '#test/keys-admin-api'
import { adminToken } from '#test/keys-service'
import { run } from './run.ts'

/** The command line over a keys service. */
const { service } = adminApi()

async function latchkey(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const env = { LATCHKEY_URL: service().url, LATCHKEY_ADMIN_TOKEN: adminToken }
  const said = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) }
  const code = await run(args, { env, folder: '.', ...said })
  return { code, out, err }
}

test('the command line goes from a tenant to a key that is listed with its last use, and to its revocation', async () => {
  const tenant = JSON.parse((await latchkey('tenants', 'create', 'Umbrella Ltd', '--json')).out)
  expect(tenant.id).toBe('umbrella-ltd')
  const create = 'connections create --name HR --idp okta --environment live --json'.split(' ')
  const made = await latchkey(...create, '--tenant', 'umbrella LTD')
  const connection = JSON.parse(made.out)
  expect(connection).toMatchObject({ tenant: 'umbrella-ltd', identityProvider: 'okta', environment: 'live' })
  expect(connection.scimBaseUrl).toBe(`${service().parts.publicUrl}/scim/v2/${connection.id}`)
  const minted = JSON.parse((await latchkey('keys', 'mint', '--connection', connection.id, '--json')).out)
  expect(readKey(minted.key)).toMatchObject({ kind: 'key', kid: minted.kid, environment: 'live' })
  expect(minted.scimBaseUrl).toBe(connection.scimBaseUrl)
  const listed = await latchkey('keys', 'list', '--connection', connection.id)
  expect(listed.out).toMatch(/^KID +STATE +ENVIRONMENT +PEPPER +CREATED +EXPIRES +LAST USED\n/)
  expect(listed.out).toMatch(new RegExp(`^${minted.kid} +pending +live +1 .+ never +never$`, 'm'))
  expect((await latchkey('keys', 'revoke', minted.kid)).out).toMatch(/state +revoked/)
  const [after] = JSON.parse((await latchkey('keys', 'list', '--connection', connection.id, '--json')).out)
  expect(after).toMatchObject({ kid: minted.kid, state: 'revoked', lastUsed: null })
  expect(JSON.parse((await latchkey('connections', 'disable', connection.id, '--json')).out).state).toBe('disabled')
  expect((await latchkey('connections', 'list', '--tenant', 'umbrella-ltd')).out).toMatch(/HR +okta +live +disabled/)
})

test('the command line tells apart what is not there from what is refused', async () => {
  expect(await latchkey('connections', 'show', 'abcdefghijkmnpqr')).toMatchObject({ code: 4, out: '' })
  expect((await latchkey('tenants', 'create', 'Umbrella Ltd')).code).toBe(1)
  expect((await latchkey('tenants', 'create', ' ')).code).toBe(2)
})
