import { accepted } from './answer.ts'
import { WatchedStream } from './watched-stream.ts'

async function all(pieces: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = []
  for await (const piece of pieces) found.push(piece)
  return found
}

function streamOf(pieces: () => AsyncGenerator<string>): { stream: WatchedStream; closed: () => number } {
  let closed = 0
  const close = async (): Promise<void> => void closed++
  return { stream: new WatchedStream({ pieces: pieces(), close }, accepted(200)), closed: () => closed }
}

test('a stream that was read to its end is accepted, and what it was read from is let go', async () => {
  const { stream, closed } = streamOf(async function* () {
    yield* ['a', 'b']
  })
  expect(await all(stream.pieces)).toEqual(['a', 'b'])
  await stream.close()
  expect(await stream.ended).toEqual({ outcome: accepted(200) })
  expect(closed()).toBe(1)
})

test('one that fails in the middle has failed, and tells why', async () => {
  const failure = new Error('the database went away')
  const { stream, closed } = streamOf(async function* () {
    yield 'a'
    throw failure
  })
  await expect(all(stream.pieces)).rejects.toBe(failure)
  await stream.close()
  expect(await stream.ended).toMatchObject({
    outcome: { result: 'failed', status: 200, code: 'answer-broken-off' },
    failure,
  })
  expect(closed()).toBe(1)
})

test('one that the client did not wait for says so, whether it was begun or not', async () => {
  for (const isBegun of [true, false]) {
    const { stream, closed } = streamOf(async function* () {
      yield* ['a', 'b']
    })
    if (isBegun) for await (const _ of stream.pieces) break
    await stream.close()
    expect(await stream.ended).toMatchObject({ outcome: { result: 'accepted', status: 200, code: 'client-gone' } })
    expect(closed()).toBe(1)
  }
})
