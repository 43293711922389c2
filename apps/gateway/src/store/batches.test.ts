import { Batches } from './batches.ts'

interface Work {
  readonly keys: readonly string[]
  readonly name: string
}

/** Runs batches one step at a time: each waits until it is let go. */
function batches(options: { largest: number; parallel: number }) {
  const running: { names: string[]; done: () => void }[] = []
  const held = new Batches<Work>({
    ...options,
    run: (batch) => new Promise((resolve) => running.push({ names: batch.map(({ name }) => name), done: resolve })),
  })
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
  return { held, running, turn }
}

test('what arrives in one turn forms one batch, no larger than allowed', async () => {
  const { held, running, turn } = batches({ largest: 2, parallel: 1 })
  for (const name of ['a', 'b', 'c']) held.add({ keys: [name], name })
  await turn()
  expect(running.map(({ names }) => names)).toEqual([['a', 'b']])
  running[0]?.done()
  await turn()
  expect(running.map(({ names }) => names)).toEqual([['a', 'b'], ['c']])
})

test('work on one subject runs in the order in which it came, one batch after the other', async () => {
  const { held, running, turn } = batches({ largest: 10, parallel: 3 })
  held.add({ keys: ['x'], name: 'first' })
  held.add({ keys: ['x'], name: 'second' })
  held.add({ keys: ['y'], name: 'other' })
  held.add({ keys: ['x', 'z'], name: 'third' })
  held.add({ keys: ['z'], name: 'behind the third' })
  await turn()
  expect(running.map(({ names }) => names)).toEqual([['first', 'other']])
  running[0]?.done()
  await turn()
  expect(running.at(-1)?.names).toEqual(['second'])
  running[1]?.done()
  await turn()
  expect(running.at(-1)?.names).toEqual(['third'])
})

test('what is dropped is all that waits, and what runs goes on', async () => {
  const { held, running, turn } = batches({ largest: 1, parallel: 1 })
  for (const name of ['a', 'b', 'c']) held.add({ keys: [name], name })
  await turn()
  expect(held.drop().map(({ name }) => name)).toEqual(['b', 'c'])
  held.add({ keys: ['b'], name: 'd' })
  running[0]?.done()
  await turn()
  expect(running.map(({ names }) => names)).toEqual([['a'], ['d']])
})
