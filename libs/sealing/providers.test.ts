import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  CreateAliasCommand,
  CreateKeyCommand,
  DisableKeyCommand,
  KMSClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms'
import { freePort } from '#libs/process/index'
import { type KmsServer, startKmsStandIn } from '#test/servers/kms-stand-in'
import { startVaultStandIn, type VaultServer } from '#test/servers/vault-stand-in'
import { openAwsKmsKek } from './aws-kms.ts'
import { describeProvider } from './conformance/index.ts'
import { openLocalKek, makeLocalKek } from './local-file.ts'
import { openVaultKek } from './vault-transit.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-kek-'))
const stops: (() => Promise<void>)[] = []

afterAll(async () => {
  await Promise.all(stops.map((stop) => stop()))
  rmSync(folder, { recursive: true })
})

describeProvider('a local file', async () => {
  const [path, other, open] = ['kek', 'other', 'open'].map((name) => {
    const file = join(folder, name)
    makeLocalKek(file)
    return file
  }) as [string, string, string]
  chmodSync(open, 0o640)
  return {
    open: async () => openLocalKek(path),
    openOther: async () => openLocalKek(other),
    openMissing: async () => openLocalKek(join(folder, 'nothing')),
    openRefused: async () => openLocalKek(open),
  }
})

test('the file of a local KEK is for its owner alone, and made once', () => {
  const path = join(folder, 'made')
  makeLocalKek(path)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const { id } = openLocalKek(path)
  makeLocalKek(path)
  expect(openLocalKek(path).id).toBe(id)
})

/** TEST_VAULT_URL and TEST_VAULT_TOKEN name a Vault or OpenBao to run the suite against; CONTRIBUTING says how. */
async function vault(): Promise<VaultServer> {
  const { TEST_VAULT_URL: url, TEST_VAULT_TOKEN: token } = process.env
  if (url !== undefined && token !== undefined) return { url, token, stop: async () => {} }
  return startVaultStandIn()
}

describeProvider(`Vault's transit engine (${process.env['TEST_VAULT_URL'] ?? 'a stand-in'})`, async () => {
  const { url, token, stop } = await vault()
  stops.push(stop)
  const mount = `transit-${randomUUID()}`
  const post = async (path: string, body: object = {}): Promise<void> => {
    const headers = { 'x-vault-token': token, 'content-type': 'application/json' }
    const answer = await fetch(`${url}/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`Vault answered ${answer.status} to ${path}: ${await answer.text()}`)
  }
  await post(`sys/mounts/${mount}`, { type: 'transit' })
  await post(`${mount}/keys/one`, { type: 'aes256-gcm96' })
  await post(`${mount}/keys/other`, { type: 'aes256-gcm96' })
  const options = { url, mount, key: 'one', token: { text: token } }
  const away = `http://127.0.0.1:${await freePort('127.0.0.1')}`
  return {
    open: async () => openVaultKek(options),
    openOther: async () => openVaultKek({ ...options, key: 'other' }),
    openMissing: async () => openVaultKek({ ...options, key: 'missing' }),
    openRefused: async () => openVaultKek({ ...options, token: { text: 'of-nobody' } }),
    openAway: async () => openVaultKek({ ...options, url: away }),
    rotate: () => post(`${mount}/keys/one/rotate`),
  }
})

/** TEST_KMS_URL names a server that speaks as AWS KMS does, such as moto; CONTRIBUTING says how. */
async function kms(): Promise<KmsServer> {
  const { TEST_KMS_URL: url } = process.env
  return url === undefined ? startKmsStandIn() : { url, stop: async () => {} }
}

describeProvider(`AWS KMS (${process.env['TEST_KMS_URL'] ?? 'a stand-in'})`, async () => {
  process.env['AWS_ACCESS_KEY_ID'] = 'test'
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test'
  process.env['AWS_REGION'] = 'eu-west-1'
  const { url: endpoint, stop } = await kms()
  stops.push(stop)
  const client = new KMSClient({ endpoint })
  const make = async (): Promise<string> => (await client.send(new CreateKeyCommand())).KeyMetadata?.KeyId ?? ''
  const AliasName = `alias/${randomUUID()}`
  await client.send(new CreateAliasCommand({ AliasName, TargetKeyId: await make() }))
  const [other, disabled] = [await make(), await make()]
  await client.send(new DisableKeyCommand({ KeyId: disabled }))
  const away = `http://127.0.0.1:${await freePort('127.0.0.1')}`
  return {
    open: () => openAwsKmsKek({ keyId: AliasName, endpoint }),
    openOther: () => openAwsKmsKek({ keyId: other, endpoint }),
    openMissing: () => openAwsKmsKek({ keyId: randomUUID(), endpoint }),
    openRefused: () => openAwsKmsKek({ keyId: disabled, endpoint }),
    openAway: () => openAwsKmsKek({ keyId: other, endpoint: away }),
    rotate: async () => void (await client.send(new UpdateAliasCommand({ AliasName, TargetKeyId: await make() }))),
  }
})
