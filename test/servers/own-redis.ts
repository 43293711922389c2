import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { startRedis } from '#libs/servers/index'
import { ownServer, type OwnServer } from './own.ts'

export interface OwnRedis extends OwnServer {
  /** `redis://127.0.0.1:PORT` */
  readonly url: string
  /** Sends words to Redis as a person would type them, and gives its answer. */
  command(line: string): Promise<string>
}

/** A Redis of its own, for a test file that stops it. It forgets everything when it ends. */
export async function startOwnRedis(settings: Readonly<Record<string, string>> = {}): Promise<OwnRedis> {
  const { address, ...server } = await ownServer(
    (parent, port) => startRedis({ folder: join(parent, 'redis'), log: join(parent, 'redis.log'), settings, port }),
    ({ url }) => url,
  )
  const command = async (line: string): Promise<string> => {
    const socket = connect(Number(new URL(address).port), '127.0.0.1')
    socket.write(`${line}\r\n`)
    const [answer] = await once(socket, 'data')
    socket.destroy()
    return String(answer)
  }
  return { ...server, url: address, command }
}
