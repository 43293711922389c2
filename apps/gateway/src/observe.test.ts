import { UnreadablePeppers } from '#libs/credentials/index'
import { SealingError } from '#libs/sealing/index'
import { createLogger } from '#libs/telemetry/index'
import { failureLog } from './observe.ts'

test('of failures that go on until an operator mends them one line stands for many requests; others are logged each', async () => {
  const lines: string[] = []
  const stream = { write: (line: string) => void lines.push(line) }
  const failed = failureLog(await createLogger({ service: 'gateway', level: 'info', pretty: false, stream }))
  for (let time = 0; time < 10; time++) {
    failed(new SealingError('kek-away', 'it is away'))
    failed(new UnreadablePeppers('no pepper has version 2'))
  }
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual([
    expect.stringContaining('what is sealed cannot be opened'),
    expect.stringContaining('a pepper is not known here'),
  ])
  for (let time = 0; time < 2; time++) failed(new Error('it failed'))
  expect(lines).toHaveLength(4)
})
