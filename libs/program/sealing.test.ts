import { Keyring, parseKek } from '#libs/sealing/index'
import { createLogger } from '#libs/telemetry/index'
import { startVaultStandIn } from '#test/servers/vault-stand-in'
import { watchKek } from './sealing.ts'

test('a KEK that is elsewhere is told of while it cannot be used, and one in a file is not asked for', async () => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(JSON.parse(line).msg) }
  const logger = await createLogger({ service: 'test', level: 'info', pretty: false, stream })
  const vault = await startVaultStandIn()
  const present = parseKek(`vault:${vault.url}/transit/latchkey`)
  if (present === undefined) throw new TypeError('the address of the stand-in is one')
  const keyring = new Keyring(present, [], { vaultToken: vault.token })
  const [check] = watchKek({ present, keyring }, logger, 10)
  const told = async (pattern: RegExp): Promise<void> => {
    for (;;) {
      const reason = await check?.check().then(
        () => 'nothing',
        (error: unknown) => String(error),
      )
      if (pattern.test(reason ?? '')) return
      await new Promise((resolve) => void setTimeout(resolve, 5))
    }
  }
  expect(check).toMatchObject({ name: 'key encryption key', without: 'degraded' })
  await told(/SealingError/)
  const headers = { 'x-vault-token': vault.token }
  await fetch(`${vault.url}/v1/transit/keys/latchkey`, { method: 'POST', headers })
  await told(/^nothing$/)
  await vault.stop()
  await told(/SealingError/)
  expect(lines).toEqual([
    'the key encryption key cannot be used for now',
    'the key encryption key can be used again',
    'the key encryption key cannot be used for now',
  ])
  expect(watchKek({ present: { kind: 'file', path: '/nowhere' }, keyring }, logger)).toEqual([])
})
