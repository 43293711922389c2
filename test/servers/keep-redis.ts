import { join } from 'node:path'
import { startRedis } from '#libs/servers/index'
import { keep, tell } from './keep.ts'

await keep(async (parent) => {
  const redis = await startRedis({ folder: join(parent, 'redis'), log: join(parent, 'redis.log'), tell })
  return { address: redis.url, stop: () => redis.stop() }
})
