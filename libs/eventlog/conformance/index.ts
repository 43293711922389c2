import { createTables, type Harness, type OpenHarness } from './harness.ts'
import { itAppliesOnce } from './once.ts'
import { itBuriesWhatFails } from './dead-letters.ts'
import { itKeepsOrder } from './order.ts'
import { itKeepsPace } from './pace.ts'

export type { Harness, OpenHarness } from './harness.ts'

/** What every event log must guarantee. Each test opens a log of its own. */
export function describeEventLog(adapter: string, open: OpenHarness): void {
  describe(`the event log over ${adapter}`, () => {
    let harness: Harness
    beforeEach(async () => {
      harness = await open()
      await createTables(harness.database)
    }, 60_000)
    afterEach(() => harness.close(), 60_000)

    itKeepsOrder(() => harness)
    itAppliesOnce(() => harness)
    itBuriesWhatFails(() => harness)
    itKeepsPace(() => harness)
  })
}
