import { setTimeout as pause } from 'node:timers/promises'
import { Semaphore } from './semaphore.ts'

test('so many run at a time, and the others in the order in which they came', async () => {
  const semaphore = new Semaphore(2, 5_000)
  const done: number[] = []
  let running = 0
  let most = 0
  const work = async (name: number): Promise<void> => {
    const giveBack = await semaphore.take()
    most = Math.max(most, ++running)
    await pause(1)
    running--
    done.push(name)
    giveBack()
  }
  await Promise.all([1, 2, 3, 4, 5, 6].map(work))
  expect({ most, done }).toEqual({ most: 2, done: [1, 2, 3, 4, 5, 6] })
})

test('who waits too long is refused, and costs nobody a place', async () => {
  const semaphore = new Semaphore(1, 10)
  const giveBack = await semaphore.take()
  await expect(semaphore.take()).rejects.toMatchObject({ status: 429, headers: { 'Retry-After': '1' } })
  giveBack()
  const again = await semaphore.take()
  const waiting = semaphore.take()
  again()
  ;(await waiting)()
})
