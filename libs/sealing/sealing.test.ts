import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseKek } from './address.ts'
import { DataKeys } from './data-keys.ts'
import { Keyring } from './keyring.ts'
import { makeLocalKek } from './local-file.ts'
import { dataKeyNamed, makeDataKey, openUnder, sealUnder } from './seal.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-sealing-'))
afterAll(() => rmSync(folder, { recursive: true }))

const fileIn = (name: string) => ({ kind: 'file', path: join(folder, name) }) as const
const made = (name: string) => {
  makeLocalKek(fileIn(name).path)
  return fileIn(name)
}

describe('a sealed secret', () => {
  const { dataKey } = makeDataKey('acme')
  const context = { kid: 'aB3dE5gH7jK9', purpose: 'request signing' }
  const sealed = sealUnder(dataKey, context, 'the secret')

  test('opens under its data key for what it was sealed for, and names that key', () => {
    expect(openUnder(dataKey, context, sealed)).toBe('the secret')
    expect(dataKeyNamed(sealed)).toBe(dataKey.id)
    expect(sealed).not.toContain('secret')
    expect(sealUnder(dataKey, context, 'the secret')).not.toBe(sealed)
  })

  test('opens for no other key, purpose or tenant, under no other data key, and not when it was altered', () => {
    expect(openUnder(dataKey, { ...context, kid: 'bbbbbbbbbbbb' }, sealed)).toBeUndefined()
    expect(openUnder(dataKey, { ...context, purpose: 'webhooks' }, sealed)).toBeUndefined()
    expect(openUnder({ ...dataKey, tenant: 'globex' }, context, sealed)).toBeUndefined()
    expect(openUnder({ ...makeDataKey('acme').dataKey, id: dataKey.id }, context, sealed)).toBeUndefined()
    expect(openUnder({ ...dataKey, id: 'another' }, context, sealed)).toBeUndefined()
    for (const altered of ['', '.', dataKey.id, `${sealed}A`, sealed.slice(0, -2), `${sealed}=`]) {
      expect(openUnder(dataKey, context, altered)).toBeUndefined()
    }
  })
})

describe('unwrapped data keys', () => {
  const stored = (id: string) => ({ id, tenant: 'acme', kekId: 'kek', kekVersion: '1', wrapped: id })
  function counting(lifetime: number, limit?: number) {
    const asked: string[] = []
    let failing = false
    const keyring = {
      async unwrap({ wrapped }: { wrapped: string }) {
        asked.push(wrapped)
        await wait(5)
        if (failing) throw new Error('away')
        return Buffer.alloc(32, wrapped)
      },
    }
    const options = limit === undefined ? { lifetime } : { lifetime, limit }
    return { asked, keys: new DataKeys(keyring, options), fail: (now: boolean) => (failing = now) }
  }

  test('are asked for once, however many need one at the same time', async () => {
    const { asked, keys } = counting(60_000)
    await Promise.all(Array.from({ length: 50 }, () => keys.unwrapped(stored('a'))))
    await keys.unwrapped(stored('a'))
    expect(asked).toEqual(['a'])
  })

  test('are held for their lifetime and no longer, and no more than the limit of them', async () => {
    const lifetime = 1_000
    const { asked, keys } = counting(lifetime, 2)
    for (const id of ['a', 'b', 'c']) await keys.unwrapped(stored(id))
    await keys.unwrapped(stored('c'))
    expect(asked).toEqual(['a', 'b', 'c'])
    await keys.unwrapped(stored('a'))
    expect(asked).toEqual(['a', 'b', 'c', 'a'])
    await wait(lifetime + 50)
    await keys.unwrapped(stored('a'))
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'a'])
  })

  test('that could not be had are asked for again', async () => {
    const { asked, keys, fail } = counting(60_000)
    fail(true)
    await expect(keys.unwrapped(stored('a'))).rejects.toThrow('away')
    fail(false)
    expect((await keys.unwrapped(stored('a'))).id).toBe('a')
    expect(asked).toEqual(['a', 'a'])
  })
})

describe('a ring of KEKs', () => {
  const context = { tenant: 'acme', dataKey: 'dk1' }
  const key = Buffer.alloc(32, 7)

  test('wraps by the present one, and unwraps what the former ones wrapped', async () => {
    const [old, present] = [made('old'), made('present')]
    const before = await new Keyring(old, [], {}).wrap(key, context)
    const ring = new Keyring(present, [old], {})
    expect(await ring.unwrap(before, context)).toEqual(key)
    const after = await ring.wrap(await ring.unwrap(before, context), context)
    expect(after.kekId).not.toBe(before.kekId)
    expect(await new Keyring(present, [], {}).unwrap(after, context)).toEqual(key)
    await expect(new Keyring(present, [], {}).unwrap(before, context)).rejects.toMatchObject({ fault: 'kek-missing' })
  })

  test('works with what there is while a former one is missing, and with that too once it is back', async () => {
    const [old, present] = [made('away'), made('here')]
    const [ofOld, ofPresent] = await Promise.all(
      [old, present].map((one) => new Keyring(one, [], {}).wrap(key, context)),
    )
    renameSync(old.path, `${old.path}.gone`)
    const ring = new Keyring(present, [old], {})
    if (ofOld === undefined || ofPresent === undefined) throw new Error('two were wrapped')
    expect(await ring.unwrap(ofPresent, context)).toEqual(key)
    await expect(ring.unwrap(ofOld, context)).rejects.toMatchObject({
      fault: 'kek-missing',
      message: expect.stringContaining(old.path),
    })
    renameSync(`${old.path}.gone`, old.path)
    expect(await ring.unwrap(ofOld, context)).toEqual(key)
  })

  test('a file that others may read, or that holds no key, is not used', async () => {
    const open = made('open')
    chmodSync(open.path, 0o644)
    await expect(new Keyring(open, [], {}).status()).rejects.toMatchObject({
      fault: 'kek-refused',
      message: expect.stringContaining(`chmod 600 ${open.path}`),
    })
    writeFileSync(fileIn('short').path, 'AAAA\n', { mode: 0o600 })
    await expect(new Keyring(fileIn('short'), [], {}).status()).rejects.toMatchObject({ fault: 'kek-missing' })
  })

  test('a KEK in Vault needs a token', async () => {
    const vault = { kind: 'vault', url: 'http://127.0.0.1:1', mount: 'transit', key: 'k' } as const
    await expect(new Keyring(vault, [], {}).status()).rejects.toMatchObject({ fault: 'kek-refused' })
    const unreadable = new Keyring(vault, [], { vaultTokenFile: join(folder, 'no-token') })
    await expect(unreadable.status()).rejects.toMatchObject({
      fault: 'kek-refused',
      message: expect.stringContaining('no-token'),
    })
  })
})

test('the address of a KEK is read in each of its forms, and anything else is not', () => {
  expect(parseKek('file:kek')).toEqual({ kind: 'file', path: resolve('kek') })
  expect(parseKek('vault:https://vault.example:8200/transit/latchkey')).toEqual({
    kind: 'vault',
    url: 'https://vault.example:8200',
    mount: 'transit',
    key: 'latchkey',
  })
  expect(parseKek('vault:https://10.0.0.1:8200/teams/a/transit/k')).toMatchObject({
    mount: 'teams/a/transit',
    key: 'k',
  })
  const arn = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab'
  expect(parseKek(`awskms:${arn}`)).toEqual({ kind: 'awskms', keyId: arn })
  expect(parseKek('awskms:alias/latchkey')).toEqual({ kind: 'awskms', keyId: 'alias/latchkey' })
  const none = [
    '',
    'kek',
    'file:',
    'vault:',
    'vault:https://vault.example',
    'vault:https://vault.example/k',
    'awskms:a b',
  ]
  for (const text of [
    ...none,
    'vault:ftp://v/t/k',
    'vault:https://u:p@v/t/k',
    'vault:https://v/t/../k/%2e',
    'pkcs11:x',
  ]) {
    expect([text, parseKek(text)]).toEqual([text, undefined])
  }
})

test('a Vault is reached in clear on this machine alone: the token and unwrapped data keys go there', () => {
  for (const host of ['127.0.0.1:8200', '127.9.9.9', '[::1]:8200', 'localhost:8200']) {
    const text = `vault:http://${host}/transit/k`
    expect([text, parseKek(text)]).toEqual([text, expect.objectContaining({ url: `http://${host}` })])
  }
  for (const host of ['vault.example:8200', '10.0.0.1', '[2001:db8::1]', 'localhost.example', '128.0.0.1']) {
    const text = `vault:http://${host}/transit/k`
    expect([text, parseKek(text)]).toEqual([text, undefined])
    expect(parseKek(text.replace('http:', 'https:'))).toMatchObject({ kind: 'vault' })
  }
})
