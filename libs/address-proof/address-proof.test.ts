import { challengeOf, makeAddressKey, nonceForm, proveAddress } from './index.ts'

const key = makeAddressKey()
const address = 'http://127.0.0.1:8080'
const nonceOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1)

test('a challenge is met by whoever has the key and is at the address, however that is written', () => {
  const { path, isMetBy } = challengeOf(key, `${address}/`)
  expect(nonceOf(path)).toMatch(nonceForm)
  expect(isMetBy(proveAddress(key, address, nonceOf(path)))).toBe(true)
})

test('it is not met with another key, at another address, nor by what another challenge was answered', () => {
  const { path, isMetBy } = challengeOf(key, address)
  for (const proof of [
    proveAddress(makeAddressKey(), address, nonceOf(path)),
    proveAddress(key, 'http://127.0.0.1:8081', nonceOf(path)),
    proveAddress(key, 'https://127.0.0.1:8080', nonceOf(path)),
    proveAddress(key, address, nonceOf(challengeOf(key, address).path)),
  ]) {
    expect(isMetBy(proof)).toBe(false)
  }
})

test.each([
  undefined,
  null,
  '',
  'a page',
  {},
  { salt: '', proof: '' },
  { salt: 'a'.repeat(43), proof: 'b'.repeat(43) },
])('it is not met by %j', (answer) => expect(challengeOf(key, address).isMetBy(answer)).toBe(false))

test('no two answers are alike, so that nobody without the key finds out which addresses are one server’s', () => {
  const nonce = nonceOf(challengeOf(key, address).path)
  const [one, other] = [proveAddress(key, address, nonce), proveAddress(key, address, nonce)]
  expect(one.proof).not.toBe(other.proof)
  expect(one.salt).not.toBe(other.salt)
})
