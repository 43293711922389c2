import { join } from 'node:path'
import { startKafka } from '#libs/servers/index'
import { keep, tell } from './keep.ts'

await keep(async (parent) => {
  const kafka = await startKafka({ folder: join(parent, 'kafka'), log: join(parent, 'kafka.log'), tell })
  return { address: kafka.brokers, stop: () => kafka.stop() }
})
