import { once } from 'node:events'
import { keepers } from './setup.ts'

export default async function teardown(): Promise<void> {
  for (const keeper of keepers.splice(0)) {
    if (keeper.exitCode !== null) continue
    const exit = once(keeper, 'exit')
    keeper.stdin?.end()
    await exit
  }
}
