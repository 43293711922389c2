import fc from 'fast-check'
import {
  addPepper,
  adminTokenFormat,
  digest,
  faultAdvice,
  findSecrets,
  formatPeppers,
  generatePeppers,
  keyFormat,
  matches,
  mintAdminToken,
  mintKey,
  open,
  parsePeppers,
  readAdminToken,
  readAuthorization,
  readKey,
  seal,
} from './index.ts'

const faultOf = (read: ReturnType<typeof readKey>): string => (read.kind === 'fault' ? read.fault : read.kind)

describe('a key', () => {
  test('10,000 minted keys are unique, readable and found by the published format', () => {
    const kids = new Set<string>()
    const secrets = new Set<string>()
    for (let count = 0; count < 10_000; count++) {
      const environment = count % 2 === 0 ? 'live' : 'sandbox'
      const { kid, secret, text } = mintKey(environment)
      expect(readKey(text)).toEqual({ kind: 'key', environment, kid, secret })
      if (!keyFormat.test(`token="${text}";`)) throw new Error('the published format misses a key')
      kids.add(kid)
      secrets.add(secret)
    }
    expect([kids.size, secrets.size]).toEqual([10_000, 10_000])
  })

  test('every digit of a kid is met about as often as any other', () => {
    const met = new Map<string, number>()
    for (let count = 0; count < 5_000; count++) {
      for (const digit of mintKey('live').kid) met.set(digit, (met.get(digit) ?? 0) + 1)
    }
    const expected = (5_000 * 12) / 62
    expect(met.size).toBe(62)
    for (const times of met.values()) expect(Math.abs(times - expected)).toBeLessThan(expected * 0.25)
  })

  test('every change of a single character is rejected', () => {
    const { text } = mintKey('live')
    for (let place = 0; place < text.length; place++) {
      for (let code = 0; code < 256; code++) {
        const other = String.fromCharCode(code)
        if (other === text[place]) continue
        if (readKey(text.slice(0, place) + other + text.slice(place + 1)).kind !== 'fault') {
          throw new Error(`character ${code} at ${place} was accepted`)
        }
      }
    }
  })

  test('any text is read without an exception, and only minted forms are keys', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(readKey(text).kind).toBe('fault')
        expect(readAuthorization(text).kind).toBe('fault')
      }),
    )
  })

  test('any part of a key is called truncated, and anything behind it too long', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 70 }), fc.stringMatching(/^[0-9A-Za-z_]{1,80}$/), (length, more) => {
        const { text } = mintKey('sandbox')
        expect(faultOf(readKey(text.slice(0, length)))).toBe('truncated')
        expect(faultOf(readKey(text + more))).toBe('too-long')
      }),
    )
  })

  test.each([
    ['empty', ''],
    ['empty', '   '],
    ['not-a-key', 'password'],
    ['truncated', mintKey('live').text.slice(3)],
    ['too-long', mintKey('live').text.repeat(2)],
    ['whitespace', `${mintKey('live').text} `],
    ['whitespace', mintKey('live').text.replace('live_', 'live_\n')],
    ['whitespace', `${mintKey('live').text}\u00a0`],
    ['whitespace', `\u00ef\u00bb\u00bf${mintKey('live').text}`],
    ['quotes', `"${mintKey('live').text}"`],
    ['quotes', `\u201c${mintKey('live').text}\u201d`],
    ['quotes', `\u00e2\u0080\u009c${mintKey('live').text}\u00e2\u0080\u009d`],
    ['doubled-bearer', `Bearer ${mintKey('live').text}`],
    ['admin-token', mintAdminToken().text],
    ['admin-token', mintAdminToken().text.slice(0, 40)],
    ['unknown-environment', mintKey('live').text.replace('live', 'prod')],
    ['bad-alphabet', mintKey('live').text.slice(0, -3) + '***'],
    ['bad-checksum', mintKey('live').text.replace('live', 'test')],
  ])('the diagnosis says %s', (fault, text) => {
    expect(faultOf(readKey(text))).toBe(fault)
  })

  test('no advice repeats what was presented, and each says cause and fix', () => {
    for (const { cause, fix } of Object.values(faultAdvice)) {
      expect(cause).toMatch(/\.$/)
      expect(fix).toMatch(/\.$/)
    }
  })
})

test('keys and admin tokens are found in a text, in its order, and what was changed is not', () => {
  const [key, token] = [mintKey('sandbox'), mintAdminToken()]
  const changed = [key.text, token.text].map((text) => text.slice(0, -1) + (text.endsWith('0') ? '1' : '0'))
  expect(findSecrets(`a="${token.text}" ${changed.join(' ')}\n${key.text}`)).toEqual([
    { kind: 'admin-token', id: token.id, secret: token.secret, index: 3 },
    { kind: 'key', environment: 'sandbox', kid: key.kid, secret: key.secret, index: 212 },
  ])
})

test('are found whatever word they stand in, back to back too', () => {
  const [key, token] = [mintKey('live').text, mintAdminToken().text]
  const textOf = (text: string) => findSecrets(text).map(({ index, kind }) => [index, kind])
  for (const before of ['k_', 'abc', '7', 'lk_live_', 'lka_']) {
    expect(textOf(`${before}${key}`)).toEqual([[before.length, 'key']])
    expect(textOf(`${before}${token}`)).toEqual([[before.length, 'admin-token']])
  }
  expect(textOf(`${key}x ${token}_`)).toEqual([
    [0, 'key'],
    [73, 'admin-token'],
  ])
  expect(textOf(`${key}${key}${token}`)).toEqual([
    [0, 'key'],
    [71, 'key'],
    [142, 'admin-token'],
  ])
})

describe('an admin token', () => {
  test('10,000 minted tokens are unique, readable, found by the published format, and no provisioning keys', () => {
    const [ids, secrets] = [new Set<string>(), new Set<string>()]
    for (let count = 0; count < 10_000; count++) {
      const { id, secret, text } = mintAdminToken()
      expect([text.length, readAdminToken(text)]).toEqual([67, { id, secret }])
      if (!adminTokenFormat.test(`token="${text}";`)) throw new Error('the published format misses a token')
      if (readKey(text).kind === 'key' || keyFormat.test(text)) throw new Error('a token passes for a key')
      ids.add(id)
      secrets.add(secret)
    }
    expect([ids.size, secrets.size]).toEqual([10_000, 10_000])
  })

  test('whatever one character is replaced by, it is no token any more', () => {
    const { text } = mintAdminToken()
    for (let at = 0; at < text.length; at++) {
      const other = text[at] === '7' ? '8' : '7'
      expect(readAdminToken(text.slice(0, at) + other + text.slice(at + 1))).toBeUndefined()
    }
    for (const broken of ['', 'lka_', text.slice(1), `${text}x`, `${text}\n`, ` ${text}`, text.toLowerCase()])
      expect(readAdminToken(broken)).toBeUndefined()
  })

  test('its digest fits its own secret alone', () => {
    const peppers = generatePeppers()
    const [one, other] = [mintAdminToken(), mintAdminToken()]
    const stored = { pepperVersion: 1, digest: digest(peppers, 1, one.secret) }
    expect([matches(peppers, stored, one.secret), matches(peppers, stored, other.secret)]).toEqual([true, false])
  })
})

describe('the Authorization header', () => {
  const { text, kid } = mintKey('live')

  test.each([`Bearer ${text}`, `bearer ${text}`, `BEARER   ${text}`, text])('carries the key as %#', (header) => {
    expect(readAuthorization(header)).toMatchObject({ kind: 'key', kid })
  })

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['empty', 'Bearer'],
    ['empty', 'Bearer '],
    ['other-scheme', 'Basic YWRhOnNlY3JldA=='],
    ['doubled-bearer', `Bearer Bearer ${text}`],
    ['tab-after-bearer', `Bearer\t${text}`],
    ['tab-after-bearer', `bearer \t${text}`],
    ['whitespace', `Bearer ${text} `],
    ['whitespace', `Bearer ${text}\t`],
    ['quotes', `Bearer "${text}"`],
    ['not-a-key', 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x'],
  ])('is refused as %s', (fault, header) => {
    expect(faultOf(readAuthorization(header))).toBe(fault)
  })
})

describe('digests', () => {
  const peppers = generatePeppers()
  const { secret } = mintKey('live')
  const stored = { pepperVersion: 1, digest: digest(peppers, 1, secret) }

  test('match their own secret and no other', () => {
    expect(stored.digest).toHaveLength(32)
    expect(matches(peppers, stored, secret)).toBe(true)
    expect(matches(peppers, stored, mintKey('live').secret)).toBe(false)
    expect(matches(peppers, undefined, secret)).toBe(false)
    expect(matches(peppers, { pepperVersion: 1, digest: new Uint8Array() }, secret)).toBe(false)
  })

  test('go on matching after another pepper was added, and under no other installation', () => {
    const later = addPepper(peppers)
    expect(later.current).toBe(2)
    expect(matches(later, stored, secret)).toBe(true)
    expect(digest(later, 2, secret)).not.toEqual(stored.digest)
    expect(matches(generatePeppers(), stored, secret)).toBe(false)
    expect(matches(peppers, { ...stored, pepperVersion: 7 }, secret)).toBe(false)
  })

  test('peppers survive being written and read', () => {
    const text = formatPeppers(addPepper(peppers))
    const read = parsePeppers(`${text}\n`)
    expect(read.current).toBe(2)
    expect(formatPeppers(read)).toBe(text)
    expect(matches(read, stored, secret)).toBe(true)
  })

  test.each(['', '1:abc', '1', 'x:AAAA', '0:' + 'A'.repeat(44), `1:${'A'.repeat(43)}=,1:${'A'.repeat(43)}=`])(
    'an unreadable pepper is refused without repeating it: %#',
    (text) => {
      expect(() => parsePeppers(text)).toThrow(/^entry \d of the pepper/)
      if (text.length > 3) expect(() => parsePeppers(text)).not.toThrow(text)
    },
  )
})

describe('sealing', () => {
  const peppers = generatePeppers()
  const context = { of: ['acme', 'abcdefghijkl'], purpose: 'sandbox key' }

  test('what was sealed opens in its own context only', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const sealed = seal(peppers, context, text)
        expect(sealed).toMatch(/^[A-Za-z0-9._~-]+$/)
        expect(open(addPepper(peppers), context, sealed)).toBe(text)
        for (const other of [{ of: ['globex', 'abcdefghijkl'] }, { of: ['acme'] }, { purpose: 'webhook' }]) {
          expect(open(peppers, { ...context, ...other }, sealed)).toBeUndefined()
        }
        expect(open(generatePeppers(), context, sealed)).toBeUndefined()
      }),
    )
  })

  test('what was altered does not open', () => {
    const sealed = seal(peppers, context, 'text')
    const last = sealed.endsWith('A') ? 'B' : 'A'
    expect(open(peppers, context, sealed.slice(0, -1) + last + 'AA')).toBeUndefined()
    for (const more of ['A', '-', '_', 'AA']) expect(open(peppers, context, sealed + more)).toBeUndefined()
    expect(open(peppers, context, sealed.slice(0, 12))).toBeUndefined()
    expect(open(peppers, context, '9.' + sealed.slice(2))).toBeUndefined()
    expect(open(peppers, context, 'nonsense')).toBeUndefined()
  })
})
