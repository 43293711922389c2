import { rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as later } from 'node:timers/promises'
import type { HealthCheck } from '#libs/http/index'
import { Keyring, makeLocalKek, parseKek } from '#libs/sealing/index'
import { createLogger } from '#libs/telemetry/index'
import { ownFolder } from '#test/servers/own-folder'
import { startVaultStandIn, type VaultServer } from '#test/servers/vault-stand-in'
import { ending } from './ending.ts'
import { watchKek } from './sealing.ts'

const lines: string[] = []
const stream = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
const logger = await createLogger({ service: 'test', level: 'info', pretty: false, stream })
let vault: VaultServer
beforeEach(async () => {
  lines.length = 0
  vault = await startVaultStandIn()
})
afterEach(() => vault.stop())

function kek() {
  const present = parseKek(`vault:${vault.url}/transit/latchkey`)
  if (present === undefined) throw new TypeError('the address of the stand-in is one')
  return { present, keyring: new Keyring(present, [], { vaultToken: vault.token }) }
}

async function makeKey(): Promise<void> {
  await fetch(`${vault.url}/v1/transit/keys/latchkey`, { method: 'POST', headers: { 'x-vault-token': vault.token } })
}

async function reason(check: HealthCheck | undefined): Promise<string> {
  return check === undefined ? 'no check' : check.check().then(() => 'nothing', String)
}

async function told(check: HealthCheck | undefined, pattern: RegExp): Promise<void> {
  while (!pattern.test(await reason(check))) await new Promise((resolve) => void setTimeout(resolve, 5))
}

test('a KEK that is elsewhere is told of while it cannot be used', async () => {
  const { present, keyring } = kek()
  const program = { logger, ending: ending(logger) }
  const [check] = watchKek({ present, keyring }, program, 10)
  expect(check).toMatchObject({ name: 'key encryption key', without: 'degraded' })
  await told(check, /SealingError/)
  await makeKey()
  await told(check, /^nothing$/)
  await vault.stop()
  await told(check, /SealingError/)
  expect(lines).toEqual([
    'the key encryption key cannot be used for now',
    'the key encryption key can be used again',
    'the key encryption key cannot be used for now',
  ])
  await program.ending.end()
})

test('a KEK in a file is told of once it is in use and lost, or another was put in its place', async () => {
  const folder = ownFolder()
  const present = { kind: 'file', path: join(folder.path, 'kek') } as const
  const keyring = new Keyring(present, [], {})
  const program = { logger, ending: ending(logger) }
  const [check] = watchKek({ present, keyring }, program, 1)
  await later(20)
  expect([await reason(check), keyring.isInUse]).toEqual(['nothing', false])
  makeLocalKek(present.path)
  await keyring.status()
  await rename(present.path, `${present.path}.away`)
  await told(check, /is missing/)
  makeLocalKek(present.path)
  await told(check, /holds another/)
  await rename(`${present.path}.away`, present.path)
  await told(check, /^nothing$/)
  expect(lines.at(-1)).toBe('the key encryption key can be used again')
  await program.ending.end()
  await folder.remove()
})

test('a KEK is asked for no more once the program has ended', async () => {
  const { present, keyring } = kek()
  const program = { logger, ending: ending(logger) }
  const [check] = watchKek({ present, keyring }, program, 1)
  await told(check, /SealingError/)
  await makeKey()
  await told(check, /^nothing$/)
  await program.ending.end()
  await vault.stop()
  for (let asked = 0; asked < 50; asked++) await expect(keyring.status()).rejects.toThrow()
  expect(await reason(check)).toBe('nothing')
})
