import { get as getInClear, type IncomingMessage } from 'node:http'
import { get } from 'node:https'
import { challengeOf } from '#libs/address-proof/index'

/** Milliseconds. A service of this machine answers at once. */
const patience = 1_000
/** Characters. A proof is shorter. */
const longest = 1_000

/** Whether a server answers there that has the key of the data folder, whatever its certificate. Never rejects. */
export async function provesItself(address: string, key: string): Promise<boolean> {
  if (!/^https?:$/.test(URL.parse(address)?.protocol ?? '')) return false
  const { path, isMetBy } = challengeOf(key, address)
  try {
    return isMetBy(JSON.parse(await textAt(new URL(path, address))))
  } catch {
    return false
  }
}

function textAt(url: URL): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const options = { agent: false, rejectUnauthorized: false, signal: AbortSignal.timeout(patience) }
  const asked = (url.protocol === 'https:' ? get : getInClear)(url, options, (answer) => {
    shortText(answer).then(resolve, reject)
  })
  asked.on('error', reject)
  return promise
}

async function shortText(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > longest) throw new Error('longer than any proof')
  }
  return text
}
