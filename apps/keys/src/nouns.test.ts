import {
  generatePeppers,
  isAccepted,
  keyActs,
  keyStates,
  type KeyState,
  next,
  open,
  readKey,
  seal,
} from '#libs/credentials/index'
import { defaultPolicy, defaultSettings, makeEvent, type Payload, type StepDecision } from '#libs/events/index'
import { makeDataKey, openUnder, signingPurpose } from '#libs/sealing/index'
import {
  change,
  type Connection,
  connectionChanged,
  connectionDeleted,
  connectionId,
  newConnectionId,
  scimBaseUrl,
} from './connection.ts'
import { usesIn } from './last-use.ts'
import { schemaUses } from './schema-use.ts'
import {
  advance,
  AgainstTheLaw,
  changePolicy,
  keyMinted,
  mint,
  NothingToReveal,
  type ProvisioningKey,
  reveal,
  shownAgain,
  withhold,
} from './provisioning-key.ts'
import { needsDataKey } from './signing-secret.ts'
import { firstFree, idFromName, tenantId } from './tenant.ts'

const now = new Date('2026-03-01T10:00:00.000Z')
const connection: Connection = {
  id: 'abcdefghijkmnpqr',
  tenant: 'acme',
  name: 'HR',
  environment: 'sandbox',
  identityProvider: 'okta',
  state: 'enabled',
  settings: defaultSettings,
  schemas: [],
  version: 3,
  createdAt: now,
  deletedAt: null,
}

describe('a tenant', () => {
  test.each([
    ['Acme', 'acme'],
    ['  Acme Ltd. ', 'acme-ltd'],
    ['Žluťoučký kůň', 'zlutoucky-kun'],
    ['A', undefined],
    ['株式会社', undefined],
    ['x'.repeat(100), 'x'.repeat(36)],
  ])('named %j has the id %j', (name, id) => {
    expect(idFromName(name)).toBe(id)
    if (id !== undefined) expect(tenantId.test(id)).toBe(true)
  })

  test('gets an id that no other ever had', () => {
    expect(firstFree('acme', new Set())).toBe('acme')
    expect(firstFree('acme', new Set(['acme', 'acme-3']))).toBe('acme-2')
    expect(firstFree('acme', new Set(['acme', 'acme-2']))).toBe('acme-3')
  })
})

describe('a connection', () => {
  test('has an id that can be read out and is not met twice', () => {
    const ids = new Set(Array.from({ length: 1000 }, newConnectionId))
    expect(ids.size).toBe(1000)
    for (const id of ids) expect(id).toMatch(connectionId)
    expect(scimBaseUrl('https://scim.example.com/', 'abc')).toBe('https://scim.example.com/scim/v2/abc')
  })

  test('counts its changes, and only what differs is one', () => {
    expect(change(connection, { name: 'HR', state: 'enabled' })).toEqual({ after: connection, changed: [] })
    const { after, changed } = change(connection, { name: 'People', identityProvider: 'okta', state: 'disabled' })
    expect(changed).toEqual(['name', 'state'])
    expect(after).toEqual({ ...connection, name: 'People', state: 'disabled', version: 4 })
    expect(connectionChanged(after, changed, now, undefined)).toMatchObject({
      version: 4,
      key: 'acme/abcdefghijkmnpqr',
    })
    expect(connectionDeleted(after, now, undefined).version).toBe(5)
  })

  test('names the settings that change, and keeps those that are not named', () => {
    const { after, changed } = change(connection, { settings: { mode: 'dry-run', adoptBy: ['userName'] } })
    expect(changed).toEqual(['settings.mode'])
    expect(after).toEqual({ ...connection, settings: { ...defaultSettings, mode: 'dry-run' }, version: 4 })
    expect(change(after, { settings: { mode: 'dry-run' } })).toEqual({ after, changed: [] })
  })
})

describe('a key', () => {
  const peppers = generatePeppers()

  test('of a sandbox can be shown again until it is revoked, by this installation alone', () => {
    const { key, text } = mint(connection, peppers, now)
    expect(shownAgain(key, peppers)).toBe(text)
    expect(shownAgain(key, generatePeppers())).toBeUndefined()
    expect(shownAgain({ ...key, tenant: 'globex' }, peppers)).toBeUndefined()
    expect(shownAgain(advance(key, 'revoke', { at: now }).key, peppers)).toBeUndefined()
  })

  test('of a live connection is kept as a digest alone', () => {
    const { key, text } = mint({ ...connection, environment: 'live' }, peppers, now)
    const read = readKey(text)
    if (read.kind === 'fault') throw new Error(read.fault)
    expect(key.sealed).toBeNull()
    expect(key.digest).toHaveLength(32)
    expect(JSON.stringify([key, keyMinted(key, undefined)])).not.toContain(read.secret)
    expect(shownAgain(key, peppers)).toBeUndefined()
  })
})

test('a key that takes the place of another has the same policy, and a signing secret of its own', () => {
  const peppers = generatePeppers()
  const { dataKey } = makeDataKey(connection.tenant)
  const { key: first, signingSecret } = mint(
    connection,
    peppers,
    now,
    { ...defaultPolicy, scopes: ['read', 'users'], authentication: { method: 'signed', algorithm: 'hmac-sha256' } },
    dataKey,
  )
  expect(needsDataKey(first.policy)).toBe(true)
  const next = mint(connection, peppers, now, first.policy, dataKey)
  expect(next.key.policy.scopes).toEqual(['read', 'users'])
  expect(next.signingSecret).not.toBe(signingSecret)
  const opened = ({ kid, policy: { authentication } }: ProvisioningKey): string | undefined =>
    'sealed' in authentication ? openUnder(dataKey, { kid, purpose: signingPurpose }, authentication.sealed) : undefined
  expect([opened(first), opened(next.key)]).toEqual([signingSecret, next.signingSecret])
  expect(() => mint(connection, peppers, now, first.policy)).toThrow(TypeError)
  expect(needsDataKey(mint(connection, peppers, now).key.policy)).toBe(false)
})

describe('the life of a key', () => {
  const peppers = generatePeppers()
  const { key: pending } = mint(connection, peppers, now)
  const later = new Date('2026-03-02T10:00:00.000Z')
  const inState = (state: KeyState): ProvisioningKey => ({ ...pending, state, version: 4 })
  const each = keyStates.flatMap((state) => keyActs.map((act) => [state, act, next(state, act)] as const))

  test('goes from pending by active and retiring to expired; only what is pending can be cancelled, and anything revoked', () => {
    expect(each.filter(([, , to]) => to !== undefined)).toEqual([
      ['pending', 'activate', 'active'],
      ['pending', 'expire', 'expired'],
      ['pending', 'cancel', 'cancelled'],
      ['pending', 'revoke', 'revoked'],
      ['active', 'retire', 'retiring'],
      ['active', 'expire', 'expired'],
      ['active', 'revoke', 'revoked'],
      ['retiring', 'expire', 'expired'],
      ['retiring', 'revoke', 'revoked'],
      ['expired', 'revoke', 'revoked'],
      ['cancelled', 'revoke', 'revoked'],
    ])
  })

  test.each(each)(
    'of a %s key: %s leads to %s, with its event, or is refused and changes nothing',
    (state, act, to) => {
      const key = inState(state)
      if (to === undefined) {
        expect(() => advance(key, act, { at: later })).toThrow(AgainstTheLaw)
        expect(() => advance(key, act, { at: later })).toThrow(`Key ${key.kid} is ${state}`)
        return
      }
      const { key: after, event } = advance(key, act, { at: later, until: now })
      expect(after).toMatchObject({ state: to, version: 5, endedAt: isAccepted(to) ? null : later })
      expect(after.sealed === null).toBe(!isAccepted(to))
      expect(event).toMatchObject({ subject: key.kid, version: 5, payload: { kid: key.kid, tenant: 'acme' } })
      expect(event.name).toBe(
        {
          active: 'key.activated',
          retiring: 'key.retired',
          expired: 'key.expired',
          cancelled: 'key.cancelled',
          revoked: 'key.revoked',
          pending: '',
        }[to],
      )
    },
  )

  test('remembers when it was activated and retired, and until when it is accepted then', () => {
    const active = advance(pending, 'activate', { at: now }).key
    const retiring = advance(active, 'retire', { at: later, until: later }).key
    expect(retiring).toMatchObject({ activatedAt: now, retiredAt: later, until: later, endedAt: null })
  })

  test('a change of its policy names what changed, and nothing that is as it was', () => {
    const { policy } = pending
    expect(changePolicy(pending, { ...policy }, later, undefined)).toBeUndefined()
    const changed = changePolicy(pending, { ...policy, scopes: ['read', 'users'] }, later, undefined)
    expect(changed).toMatchObject({ changed: ['policy.scopes'], key: { version: 2 }, event: { version: 2 } })
  })
})

function request(told: Partial<Payload<'request.decided'>>) {
  return makeEvent(
    'request.decided',
    { source: 'gateway', subject: 'r', owner: connection.id, version: 1, time: now },
    {
      requestId: 'r',
      surface: 'scim',
      tenant: 'acme',
      connection: connection.id,
      environment: 'sandbox',
      identityProvider: 'okta',
      kid: 'a',
      method: 'GET',
      path: '/scim/v2/abcdefghijkmnpqr/Users',
      operation: 'users.list',
      address: '192.0.2.7',
      userAgent: null,
      steps: steps('passed', 'skipped'),
      outcome: 'accepted',
      status: 200,
      code: null,
      detail: null,
      subject: null,
      changed: [],
      events: [],
      deviations: [],
      receivedAt: now.toISOString(),
      microseconds: 1,
      traceId: 'a'.repeat(32),
      ...told,
    },
  )
}

/** What the way in said of the key, and of what proves it beside that. */
function steps(key: StepDecision['decision'], signature?: StepDecision['decision']): StepDecision[] {
  const said = { key, ...(signature === undefined ? {} : { signature }) }
  return Object.entries(said).map(([step, decision]) => ({ step, decision, microseconds: 1 }))
}

test('the last uses in a batch are one for each key, the latest, and only proved ones', () => {
  const [one, two] = ['2026-03-01T10:00:01.000Z', '2026-03-01T10:00:02.000Z']
  const uses = usesIn(
    [
      request({ receivedAt: two }),
      request({ receivedAt: one }),
      request({ kid: null, receivedAt: two }),
      request({ kid: 'b', receivedAt: one }),
    ],
    new Date(two),
  )
  expect(uses.map((use) => [use.kid, use.at.toISOString()])).toEqual([
    ['a', two],
    ['b', one],
  ])
})

test('what was refused for the sake of the key is no use of it, neither the first nor the last', () => {
  const at = (minute: number) => new Date(now.getTime() + minute * 60_000).toISOString()
  const uses = usesIn(
    [
      request({ receivedAt: at(3), status: 404 }),
      request({ receivedAt: at(1), status: 403, steps: steps('refused') }),
      request({ receivedAt: at(0), status: 503, steps: steps('refused') }),
      request({ receivedAt: at(1), status: 503, steps: steps('passed', 'refused') }),
      request({ receivedAt: at(1), status: 429, steps: steps('refused') }),
      request({ receivedAt: at(2), status: 200 }),
      request({ receivedAt: at(4), status: 401, steps: steps('refused') }),
      request({ kid: 'b', receivedAt: at(5), status: 403, steps: steps('refused') }),
      request({ kid: 'c', receivedAt: at(6), operation: 'tokens.issue', status: 400, outcome: 'refused' }),
      request({ kid: 'd', receivedAt: at(7), operation: 'tokens.issue' }),
    ],
    new Date(at(7)),
  )
  expect(uses.map(({ kid, at: last, first }) => [kid, last.toISOString(), first.at.toISOString()])).toEqual([
    ['a', at(3), at(2)],
    ['d', at(7), at(7)],
  ])
})

describe('a key that was minted while nobody looked', () => {
  const peppers = generatePeppers()
  const withheld = () => {
    const minted = mint({ ...connection, environment: 'live' }, peppers, now)
    return { key: withhold(minted, peppers), text: minted.text }
  }

  test('is revealed once, and holds its text in no other way', () => {
    const { key, text } = withheld()
    expect(JSON.stringify(key)).not.toContain(text.split('_')[3])
    const revealed = reveal(key, peppers, { now })
    expect(revealed).toMatchObject({ key: { ...key, unrevealed: null, version: key.version + 1 }, text })
    expect(revealed.event).toMatchObject({ name: 'key.revealed', subject: key.kid, version: key.version + 1 })
    expect(JSON.stringify(revealed.event)).not.toContain(text.split('_')[3])
    expect(() => reveal(revealed.key, peppers, { now })).toThrow(NothingToReveal)
  })

  test('has its signing secret sealed under the data key alone, and is revealed with it, also where it was withheld before', () => {
    const { dataKey } = makeDataKey(connection.tenant)
    const policy = { ...defaultPolicy, authentication: { method: 'signed', algorithm: 'hmac-sha256' } } as const
    const minted = mint({ ...connection, environment: 'live' }, peppers, now, policy, dataKey)
    const { text, signingSecret } = minted
    const key = withhold(minted, peppers)
    const context = { purpose: 'key to reveal', of: [key.tenant, key.kid] }
    expect(open(peppers, context, key.unrevealed ?? '')).toBe(text)
    const before = { ...key, unrevealed: seal(peppers, context, `${text} ${signingSecret}`) }
    for (const one of [key, before]) {
      expect(reveal(one, peppers, { now }, dataKey)).toMatchObject({
        key: { ...key, unrevealed: null, version: key.version + 1 },
        text,
        signingSecret,
        event: { name: 'key.revealed', subject: key.kid, version: key.version + 1 },
      })
      const other = makeDataKey(connection.tenant).dataKey
      expect(() => reveal(one, peppers, { now }, other)).toThrow(NothingToReveal)
    }
  })

  test.each(['activate', 'cancel', 'revoke', 'expire'] as const)('has nothing to reveal after %s', (act) => {
    const { key } = advance(withheld().key, act, { at: now })
    expect(() => reveal(key, peppers, { now })).toThrow(/nothing to reveal.*rotate --force/)
  })

  test('cannot be revealed under other peppers, nor as another key', () => {
    const { key } = withheld()
    expect(() => reveal(key, generatePeppers(), { now })).toThrow(/peppers/)
    expect(() => reveal({ ...withheld().key, unrevealed: key.unrevealed }, peppers, { now })).toThrow(NothingToReveal)
  })
})

test('the schemas that a batch has used are those of attributes that were written, each once', () => {
  const urn = 'urn:acme:costs:2.0:User'
  const uses = schemaUses([
    request({ changed: ['userName', `${urn}:center`, `${urn}:code`] }),
    request({ changed: ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department'] }),
    request({ changed: ['urn:acme:rehearsed:x'], dryRun: { changed: [], events: [] } }),
    request({ changed: ['settings.mode', 'urn:acme:admin:x'], surface: 'admin' }),
    request({ changed: ['urn:acme:nobody:x'], connection: null }),
    request({ changed: [`${urn}:center`], connection: 'other' }),
  ])
  expect(uses).toEqual([
    { connection: connection.id, schema: urn },
    { connection: 'other', schema: urn },
  ])
})
