import { ConfigurationError, describe as describeSettings, readEnvironment, setting, Unfit } from './index.ts'

const settings = {
  LATCHKEY_PORT: setting.port({ default: 8080, about: 'Where the server listens' }),
  LATCHKEY_DATA: setting.folder({ default: './data', about: 'Where everything is kept' }),
  LATCHKEY_ADMIN_TOKEN: setting.secret({ optional: true, about: 'The admin token' }),
  LATCHKEY_KEEP: setting.duration({ default: '30d', min: '1h', about: 'How long events are kept' }),
  LATCHKEY_LOG: setting.oneOf(['info', 'debug'], { default: 'info', about: 'What is logged' }),
  LATCHKEY_PROXIES: setting.list({ default: '', about: 'Proxies in front', of: 'addresses', each: /^[\d.]+$/ }),
  DATABASE_URL: setting.url({ schemes: ['postgres', 'postgresql'], optional: true, about: 'The database' }),
  LATCHKEY_WORKERS: setting.integer({ min: 1, max: 8, about: 'How many at once' }),
}

function faultsOf(env: Record<string, string>) {
  try {
    readEnvironment(env, settings)
  } catch (error) {
    if (error instanceof ConfigurationError) return error
    throw error
  }
  throw new Error('no fault was found')
}

test('values come typed and frozen, defaults where nothing or an empty text is set', () => {
  const read = readEnvironment(
    { LATCHKEY_WORKERS: ' 3 ', LATCHKEY_PORT: '', LATCHKEY_PROXIES: '10.0.0.1, ,10.0.0.2' },
    settings,
  )
  const port: number = read.LATCHKEY_PORT
  const token: string | undefined = read.LATCHKEY_ADMIN_TOKEN
  const log: 'info' | 'debug' = read.LATCHKEY_LOG
  expect([port, token, log, read.LATCHKEY_WORKERS]).toEqual([8080, undefined, 'info', 3])
  expect(read.LATCHKEY_KEEP).toBe(30 * 86_400_000)
  expect(read.LATCHKEY_DATA).toMatch(/^\/.*\/data$/)
  expect(read.LATCHKEY_PROXIES).toEqual(['10.0.0.1', '10.0.0.2'])
  expect(Object.isFrozen(read)).toBe(true)
  expect(Object.isFrozen(read.LATCHKEY_PROXIES)).toBe(true)
})

test('all faults are reported together, each with its variable, what it holds and what it should hold', () => {
  const error = faultsOf({
    LATCHKEY_PORT: '80800',
    LATCHKEY_KEEP: '30 days',
    LATCHKEY_LOG: 'loud',
    DATABASE_URL: 'mysql://db/x',
  })
  expect(error.message.split('\n')).toEqual([
    'LATCHKEY_PORT holds "80800"; it should hold a port from 0 to 65535',
    'LATCHKEY_KEEP holds "30 days"; it should hold a duration such as 250ms, 5s, 10m, 12h or 30d, at least 1h',
    'LATCHKEY_LOG holds "loud"; it should hold one of info, debug',
    'DATABASE_URL holds "mysql://db/x"; it should hold a URL that begins with postgres:// or postgresql://',
    'LATCHKEY_WORKERS holds nothing; it should hold a whole number from 1 to 8',
  ])
})

test.each(['1.5', '0x10', '1e3', '9', '0', '--1', '9999999999999999999'])(
  '%s is no whole number from 1 to 8',
  (text) => {
    expect(faultsOf({ LATCHKEY_WORKERS: text }).faults).toHaveLength(1)
  },
)

test.each(['30', '1.5h', '-1d', '59m', '1w', '999999999999999d'])('%s is no duration of at least an hour', (text) => {
  expect(faultsOf({ LATCHKEY_WORKERS: '1', LATCHKEY_KEEP: text }).faults).toHaveLength(1)
})

test('a fault never shows a secret, nor the password in an address', () => {
  const error = faultsOf({
    LATCHKEY_WORKERS: '1',
    LATCHKEY_ADMIN_TOKEN: 'sesame',
    DATABASE_URL: 'mysql://root:hunter2@db/x',
    LATCHKEY_ADMIN_TOKEM: 'a-misspelt-secret',
  })
  expect(error.faults.map(({ holds }) => holds)).toEqual([
    'a value of 6 characters',
    'a value of 25 characters',
    'a value of 17 characters',
  ])
  expect(error.message).not.toMatch(/sesame|hunter2|misspelt-secret/)
})

test('what a program reads by its own parser is typed as that, and a fault like any other when it does not fit', () => {
  const pair = setting.parsed({
    optional: true,
    secret: true,
    about: 'Two words',
    expected: 'two words',
    read: (text) => (/^\w+ \w+$/.test(text) ? text.split(' ') : undefined),
  })
  const { PAIR }: { readonly PAIR: string[] | undefined } = readEnvironment({ PAIR: 'a b' }, { PAIR: pair })
  expect(PAIR).toEqual(['a', 'b'])
  expect(() => readEnvironment({ PAIR: 'hush' }, { PAIR: pair })).toThrow(
    'PAIR holds a value of 4 characters; it should hold two words',
  )
})

test('an unknown LATCHKEY_ variable is a fault that names the one meant', () => {
  const [misspelt, unlike] = faultsOf({
    LATCHKEY_WORKERS: '1',
    LATCHKEY_PROT: '1',
    LATCHKEY_SOMETHING_ELSE: 'x',
  }).faults
  expect(misspelt?.expected).toContain('did you mean LATCHKEY_PORT?')
  expect(unlike?.expected).not.toContain('did you mean')
  const alsoKnown = ['LATCHKEY_URL']
  expect(
    readEnvironment({ LATCHKEY_WORKERS: '1', LATCHKEY_URL: 'x', PATH: '/bin' }, settings, { alsoKnown })
      .LATCHKEY_WORKERS,
  ).toBe(1)
})

test('a variable that is nearly one of another prefix is a fault while that one is not set, and what is merely like it is none', () => {
  const [misspelt] = faultsOf({ LATCHKEY_WORKERS: '1', DATABASE_URI: 'postgres://db/x' }).faults
  expect(misspelt?.expected).toContain('did you mean DATABASE_URL?')
  const both = { DATABASE_URL: 'postgres://db/x', DATABASE_URI: 'x', DATABASE_POOL: '3' }
  expect(readEnvironment({ LATCHKEY_WORKERS: '1', ...both }, settings).DATABASE_URL).toBe('postgres://db/x')
  expect(readEnvironment({ LATCHKEY_WORKERS: '1', DATABASE_POOL: '3' }, settings).DATABASE_URL).toBeUndefined()
})

test('a declaration lists itself', () => {
  expect(describeSettings(settings).map(({ name, default: text, required }) => [name, text, required])).toEqual([
    ['LATCHKEY_PORT', '8080', false],
    ['LATCHKEY_DATA', './data', false],
    ['LATCHKEY_ADMIN_TOKEN', undefined, false],
    ['LATCHKEY_KEEP', '30d', false],
    ['LATCHKEY_LOG', 'info', false],
    ['LATCHKEY_PROXIES', '', false],
    ['DATABASE_URL', undefined, false],
    ['LATCHKEY_WORKERS', undefined, true],
  ])
})

test('a default that its own setting would refuse cannot be declared', () => {
  expect(() => setting.duration({ default: '30', about: 'x' })).toThrow('is not a duration')
})

test.each([
  ['latchkey_port', 'LATCHKEY_PORT'],
  ['LATCHKEY-PORT', 'LATCHKEY_PORT'],
  ['Latchkey.Data', 'LATCHKEY_DATA'],
  ['LATCHKEY LOGG', 'LATCHKEY_LOG'],
  ['database_url', 'DATABASE_URL'],
])('%s is told to be no setting', (name, meant) => {
  const { message } = faultsOf({ LATCHKEY_WORKERS: '1', [name]: 'hunter2' })
  expect(message).toBe(
    `${name} holds a value of 7 characters; it should hold nothing, because no setting has this name (did you mean ${meant}?)`,
  )
})

test('a setting that lacks another one is told together with all other faults, as is each reason of a text that has several', () => {
  const read = (): unknown =>
    readEnvironment(
      { CERT: '/cert.pem', RULES: 'x', PORT: 'y' },
      {
        CERT: setting.text({ optional: true, about: 'A certificate', goesWith: ['KEY'] }),
        KEY: setting.text({ optional: true, about: 'Its key', goesWith: ['CERT'] }),
        PORT: setting.port({ default: 1, about: 'A port' }),
        RULES: setting.parsed({
          optional: true,
          about: 'Rules',
          expected: 'rules',
          read(text): string {
            throw new Unfit([
              { holds: `${text} first`, expected: 'a' },
              { holds: `${text} then`, expected: 'b' },
            ])
          },
        }),
      },
    )
  const told = [
    'PORT holds "y"; it should hold a port from 0 to 65535',
    'RULES holds x first; it should hold a',
    'RULES holds x then; it should hold b',
    'KEY holds nothing; it should hold some text, because CERT is set',
  ]
  expect(read).toThrow(told.join('\n'))
})
