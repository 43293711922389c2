import { doorOf } from './door.ts'
import { httpSettings } from './http-settings.ts'
import { readSettings } from './settings.ts'

const warningsOf = (proxies: string) =>
  doorOf(readSettings({ LATCHKEY_TRUSTED_PROXIES: proxies }, httpSettings)).warnings

test.each(['10.0.0.0/8', 'fc00::/7', '192.0.2.1, 2001:db8::/32', ''])(
  '%j as proxies are listed without a word',
  (proxies) => {
    expect(warningsOf(proxies)).toEqual([])
  },
)

test.each([
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['10.0.0.1, ::/0', '::/0'],
  ['0.0.0.0/1, 128.0.0.0/1', '0.0.0.0/1, 128.0.0.0/1'],
])('%j as proxies are warned of: strangers would be believed', (proxies, named) => {
  expect(warningsOf(proxies)).toEqual([
    expect.stringContaining(`LATCHKEY_TRUSTED_PROXIES names ${named}: whoever sends`),
  ])
})
