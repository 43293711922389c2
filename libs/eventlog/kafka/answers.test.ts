import { Answers } from './answers.ts'

/** The brokers by the partition that they lead. */
const leaders: Record<string, string> = { 'trust/0': 'first', 'trust/1': 'second', 'trust/2': 'first' }
let now: number
let isSilent: boolean
let answers: Answers
beforeEach(() => {
  now = 1_000_000
  isSilent = false
  answers = new Answers(
    async (partitions) => {
      if (isSilent) throw new Error('nobody answers')
      return new Set(partitions.map((partition) => leaders[partition] ?? ''))
    },
    () => now,
  )
})

async function assign(...partitions: string[]): Promise<void> {
  answers.assigned(partitions)
  await answers.look()
  await new Promise((resolve) => setImmediate(resolve))
  // What is asked for in the same moment may have been asked for before.
  now += 1
}

/** Partitions of both brokers, which have answered by then. */
async function fetchFromBoth(): Promise<void> {
  await assign('trust/0', 'trust/1')
  answers.answered('first', now)
  answers.answered('second', now)
}

test('nothing is told before every broker that is fetched from has answered, and then the oldest answer', async () => {
  await assign('trust/0', 'trust/1')
  expect(answers.oldest()).toBeUndefined()
  answers.answered('first', now)
  expect(answers.oldest()).toBeUndefined()
  now += 100
  answers.answered('second', now)
  expect(answers.oldest()).toBe(now - 100)
})

test('when partitions change hands what was told before stands until those who lead the new ones have answered', async () => {
  await fetchFromBoth()
  const before = now
  now += 3_000
  await assign('trust/1', 'trust/2')
  expect(answers.oldest()).toBe(before)
  answers.answered('first', now)
  expect(answers.oldest()).toBe(before)
  answers.answered('second', now)
  expect(answers.oldest()).toBe(now)
})

test('what was asked for before the partitions changed hands, and is answered after it, does not count for the new ones', async () => {
  await fetchFromBoth()
  const before = now
  now += 3_000
  const askedAt = now
  await assign('trust/1', 'trust/2')
  now += 100
  answers.answered('first', askedAt)
  answers.answered('second', askedAt)
  expect(answers.oldest()).toBe(before)
  answers.answered('first', now)
  answers.answered('second', now)
  expect(answers.oldest()).toBe(now)
})

test('a broker that no partition is fetched from any more is not waited for', async () => {
  await fetchFromBoth()
  now += 3_000
  await assign('trust/0', 'trust/2')
  answers.answered('first', now)
  expect(answers.oldest()).toBe(now)
})

test('while nobody tells who leads the new partitions no answer counts, and once it is told all do', async () => {
  await fetchFromBoth()
  const before = now
  now += 3_000
  isSilent = true
  await assign('trust/0')
  answers.answered('first', now)
  expect(answers.oldest()).toBe(before)
  isSilent = false
  await answers.look()
  expect(answers.oldest()).toBe(now)
})

test('partitions that change hands while it is asked who leads those before are asked for too', async () => {
  await fetchFromBoth()
  answers.assigned(['trust/1'])
  await assign('trust/0')
  answers.answered('first', now)
  expect(answers.oldest()).toBe(now)
})

test('a broker that is silent holds it back for a minute: then it has gone', async () => {
  await fetchFromBoth()
  const before = now
  now += 60_000
  answers.answered('first', now)
  expect(answers.oldest()).toBe(before)
  now += 1
  answers.answered('first', now)
  expect(answers.oldest()).toBe(now)
})

test('where no partition is had nothing is told', async () => {
  await fetchFromBoth()
  await assign()
  expect(answers.oldest()).toBeUndefined()
})
