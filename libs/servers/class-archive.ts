import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '#libs/process/index'
import type { Fetched } from './fetch.ts'
import { formatKafka, launchKafka } from './kafka-node.ts'
import { end } from './process.ts'

/**
 * Runs a Kafka once that writes down its classes when it ends; later starts read them instead of the jars. Only speed depends on it,
 * so where it fails, is told to stop, or Java is another one later, Kafka starts without.
 */
export async function archiveClasses(fetched: Fetched, stop: AbortSignal | undefined): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-kafka-'))
  const draft = `${fetched.classArchive}.new`
  try {
    const node = { fetched, folder, log: join(folder, 'log'), port: await freePort(), settings: {}, dumpClasses: draft }
    const clusterId = await formatKafka(node)
    if (stop?.aborted === true) return
    const running = await launchKafka(node, clusterId, () => {})
    if (typeof running === 'string') return
    await end(running, 'in peace')
    renameSync(draft, fetched.classArchive)
  } catch {
    rmSync(draft, { force: true })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
