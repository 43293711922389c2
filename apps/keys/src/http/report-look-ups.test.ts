import { ReportLookUps } from './report-look-ups.ts'

const tooMany = (from: string) => ({
  code: 'tooManyRequests',
  headers: { 'retry-after': expect.stringMatching(/^[1-9]/) },
  detail: expect.stringContaining(from),
})

/** Turns come a hundred times as fast as they do. */
const hurried = () => new ReportLookUps(() => 100 * performance.now())

test('a network has sixty reports looked up within ten seconds, and what it sends beyond takes nothing from others', async () => {
  const lookUps = hurried()
  for (let index = 0; index < 60; index++) await lookUps.take(`2001:db8::${index.toString(16)}`)
  for (let beyond = 0; beyond < 1_000; beyond++)
    await expect(lookUps.take('2001:db8::ffff')).rejects.toMatchObject(tooMany('this network'))
  await lookUps.take('2001:db8:0:1::1')
})

test('a flood from some networks keeps no other from having its first report looked up', async () => {
  const lookUps = new ReportLookUps()
  const flood = Promise.allSettled(Array.from({ length: 1_000 }, (_, index) => lookUps.take(`192.0.2.${index % 10}`)))
  await lookUps.take('198.51.100.1')
  const refused = (await flood).flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
  expect(refused.length).toBeGreaterThan(900)
  expect(refused).toContainEqual(expect.objectContaining(tooMany('all networks')))
})

test('reports that revoked something use up nothing of what their network may send', async () => {
  const lookUps = hurried()
  for (let index = 0; index < 200; index++) {
    const counted = await lookUps.take('192.0.2.7')
    await counted.giveBack()
  }
})
