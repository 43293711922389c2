import { join } from 'node:path'
import { startKafka } from '#libs/servers/index'
import { ownServer, type OwnServer } from './own.ts'

export interface OwnKafka extends OwnServer {
  /** `127.0.0.1:PORT` */
  readonly brokers: string
}

/** A Kafka of its own, for a test file that stops it. After a kill it is back when its old session is over, in about 3 seconds. */
export async function startOwnKafka(settings: Readonly<Record<string, string>> = {}): Promise<OwnKafka> {
  const { address, ...server } = await ownServer(
    (parent, port) => startKafka({ folder: join(parent, 'kafka'), log: join(parent, 'kafka.log'), settings, port }),
    ({ brokers }) => brokers,
  )
  return { ...server, brokers: address }
}
