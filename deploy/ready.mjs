/** Ends with 0 when the service at the port that is given says it is ready, else with 1 and what it said. */
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
const request = (isTls ? getOverTls : get)(options, async (answer) => {
  console.log(await text(answer))
  process.exit(answer.statusCode === 200 ? 0 : 1)
})
request.on('timeout', () => request.destroy(new Error('it does not answer')))
request.on('error', (error) => {
  console.log(error.message)
  process.exit(1)
})
