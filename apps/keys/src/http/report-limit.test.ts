import { ReportLimit } from './report-limit.ts'

const refused = { code: 'tooManyRequests', headers: { 'retry-after': expect.stringMatching(/^[1-9]/) } }

async function takeMany(limit: ReportLimit, count: number, address: (index: number) => string): Promise<void> {
  for (let index = 0; index < count; index++) await limit.take(address(index))
}

test('a network has sixty reports a minute, and what it sends beyond takes nothing from others', async () => {
  const limit = new ReportLimit()
  await takeMany(limit, 60, (index) => `2001:db8::${index.toString(16)}`)
  for (let beyond = 0; beyond < 1_000; beyond++)
    await expect(limit.take('2001:db8::ffff')).rejects.toMatchObject(refused)
  await limit.take('2001:db8:0:1::1')
})

test('all networks together have six hundred reports a minute that hold something to look up', async () => {
  const limit = new ReportLimit()
  await takeMany(limit, 1_000, (index) => `192.0.${index >> 8}.${index & 255}`)
  for (let index = 0; index < 600; index++) await limit.takeLookUp()
  const refusal = limit.takeLookUp()
  await expect(refusal).rejects.toMatchObject(refused)
  await expect(refusal).rejects.toThrow('all networks together')
})
