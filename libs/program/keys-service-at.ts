import { get as getInClear } from 'node:http'
import { get } from 'node:https'

/** Milliseconds. A service of this machine answers at once. */
const patience = 1_000

/** What the keys service alone answers, to everybody, and over plain HTTP too. */
const path = '/.well-known/latchkey-key-format'

/** Whether a keys service answers there, whatever its certificate. Never rejects. */
export function isKeysServiceAt(address: string): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const url = URL.parse(path, address)
  if (url === null || !/^https?:$/.test(url.protocol)) return Promise.resolve(false)
  const options = { agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(patience) }
  const asked = (url.protocol === 'https:' ? get : getInClear)(url, options, (answer) => {
    resolve(answer.statusCode === 200)
    answer.resume()
  })
  // A failure after the answer has no one left to tell.
  asked.on('error', () => resolve(false))
  return promise
}
