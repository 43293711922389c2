import { readFileSync } from 'node:fs'
import { describe as describeSettings, readEnvironment } from '#libs/configuration/index'
import { only, readSettings, settings } from './settings.ts'

const example = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8')

test('.env.example tells every setting with its default and what it is for', () => {
  const expected = describeSettings(settings).map(({ name, default: value, about, expected: holds }) =>
    [`# ${about}`, `# Holds ${holds}.`, `#${name}=${value ?? ''}`].join('\n'),
  )
  expect(example.trimEnd().split('\n\n').slice(1)).toEqual(expected)
})

test('.env.example with every line made effective is an environment to start with', () => {
  const lines = example.split('\n').flatMap((line) => /^#([A-Z_]+)=(.*)$/.exec(line)?.slice(1, 3) ?? [])
  const environment = Object.fromEntries(lines.flatMap((name, at) => (at % 2 === 0 ? [[name, lines[at + 1]]] : [])))
  expect(Object.keys(environment)).toEqual(Object.keys(settings))
  expect(readSettings(environment, settings)).toEqual(readEnvironment({}, settings))
})

test('a program reads its own settings alone: those of others may stand beside them, a misspelled one may not', () => {
  const own = only('LATCHKEY_HOST')
  const beside = { LATCHKEY_HOST: '::1', LATCHKEY_AUDIT_PORT: 'none of its business', LATCHKEY_URL: 'http://x' }
  expect(readSettings(beside, own)).toEqual({ LATCHKEY_HOST: '::1' })
  expect(() => readSettings({ LATCHKEY_AUDIT_PROT: '1' }, own)).toThrow('did you mean LATCHKEY_AUDIT_PORT?')
})

test.each(['localhost', 'one:9092,two', 'http://one:9092', ':9092', 'one:', ''])('%j names no brokers', (text) => {
  const read = (): unknown => readSettings({ KAFKA_BROKERS: text }, only('KAFKA_BROKERS')).KAFKA_BROKERS
  if (text === '') expect(read()).toBeUndefined()
  else expect(read).toThrow('it should hold HOST:PORT, or several separated by commas')
})

test('brokers may be named by host or address; a base URL is read without slashes at its end', () => {
  const read = readSettings(
    { KAFKA_BROKERS: 'kafka-1.example:9092, [::1]:9093', LATCHKEY_PUBLIC_URL: 'https://scim.example.com//' },
    only('KAFKA_BROKERS', 'LATCHKEY_PUBLIC_URL'),
  )
  expect(read.KAFKA_BROKERS).toEqual(['kafka-1.example:9092', '[::1]:9093'])
  expect(read.LATCHKEY_PUBLIC_URL).toBe('https://scim.example.com')
})

test('addresses of services are read by name, without slashes at their ends', () => {
  const read = (text: string) => readSettings({ LATCHKEY_SERVICES: text }, only('LATCHKEY_SERVICES')).LATCHKEY_SERVICES
  expect(read('keys=https://keys.example.com/, audit=http://10.0.0.7:8083')).toEqual({
    keys: 'https://keys.example.com',
    audit: 'http://10.0.0.7:8083',
  })
  for (const wrong of [
    'console=https://x',
    'keys=ftp://x',
    'keys',
    'keys=https://a,keys=https://b',
    ' ,keys=https://a',
    'keys=https://ada:hunter2@a',
    'keys=https://a?b',
    'keys=https://a#b',
  ])
    expect(() => read(wrong)).toThrow('it should hold NAME=URL, or several separated by commas')
})

test.each([
  'https://ada:hunter2@scim.example.com/',
  'https://scim.example.com/?x=1',
  'https://scim.example.com/#y',
  'https://ada:hunter2@scim.example.com/?x=1#y',
  'https:scim.example.com',
  'https://scim.example.com\\x',
  'https://scim.example.com/a b',
])('%s is no address to append paths to, and its password is not repeated', (text) => {
  const read = (): unknown => readSettings({ LATCHKEY_PUBLIC_URL: text }, only('LATCHKEY_PUBLIC_URL'))
  const told = /it should hold a URL that begins with http:\/\/ or https:\/\/, without user name, query and fragment$/
  expect(read).toThrow(told)
  expect(read).not.toThrow('hunter2')
})
