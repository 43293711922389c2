import type { Shape } from '../program.ts'
import { startProgram } from '../program.ts'
import { keep } from './keep.ts'
import { testDatabase } from './postgres.ts'

/** Keeps Latchkey itself in the named shape, over a database of its own: its address is its Place, as JSON. */
await keep(async () => {
  const database = await testDatabase()
  const { place, logs, stop } = await startProgram(process.argv[2] as Shape, database.url)
  return {
    address: JSON.stringify(place),
    async stop() {
      const code = await stop()
      await database.drop()
      if (code !== 0) throw new Error(`the program exited with ${code}: ${logs()}`)
    },
  }
})
