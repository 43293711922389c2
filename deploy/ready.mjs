/** Ends with 0 when the service at the port that is given says it is ready, else with 1 and what it said. */
import { once } from 'node:events'
import { get } from 'node:http'
import { get as getOverTls } from 'node:https'
import { text } from 'node:stream/consumers'

const isTls = Boolean(process.env.LATCHKEY_TLS_CERT)
// Its certificate is for the name that others reach it by.
const options = {
  host: '127.0.0.1',
  port: process.argv[2],
  path: '/health/ready',
  timeout: 4_000,
  rejectUnauthorized: false,
}
const request = (isTls ? getOverTls : get)(options)
request.on('timeout', () => request.destroy(new Error('it does not answer')))
try {
  const [answer] = await once(request, 'response')
  console.log(await text(answer))
  process.exit(answer.statusCode === 200 ? 0 : 1)
} catch (error) {
  console.log(error.message)
  process.exit(1)
}
