import { adminServer, answer } from './test/admin-server.ts'

const server = adminServer()
const before = { connection: 'c1', mode: 'safe', everyDays: 30, graceHours: 72, mintAheadDays: 14 }

/** Runs the command while somebody else changes the policy so many times, each time after it was read. */
async function amongOthers(changes: number) {
  let policy = before
  let version = 1
  server.respond = (asked, response) => {
    response.setHeader('etag', `W/"${version}"`)
    const reply = (status: number, body: object): unknown =>
      answer(status, { ...body, dueAt: null, mintAt: null })(asked, response)
    if (asked.method === 'PUT') {
      if (asked.headers['if-match'] !== `W/"${version}"`) {
        return reply(412, { detail: 'It was changed meanwhile. Read it again.' })
      }
      policy = { ...policy, ...JSON.parse(asked.body) }
    }
    reply(200, policy)
    if (asked.method !== 'GET' || version > changes) return
    version++
    policy = { ...policy, everyDays: policy.everyDays + 1 }
  }
  const ended = await server.latchkey(['keys', 'policy', '--connection', 'c1', '--mode', 'strict'])
  return { ...ended, policy, puts: server.seen.filter(({ method }) => method === 'PUT').length }
}

test('keys policy keeps what somebody else changes of a policy meanwhile', async () => {
  const { code, err, policy } = await amongOthers(2)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(policy).toEqual({ ...before, mode: 'strict', everyDays: 32 })
})

test('keys policy gives up, and says why, where the policy is changed again and again', async () => {
  const { code, err, policy, puts } = await amongOthers(100)
  expect({ code, puts }).toEqual({ code: 1, puts: 4 })
  expect(err).toContain('It was changed meanwhile.')
  expect(policy.mode).toBe('safe')
})
