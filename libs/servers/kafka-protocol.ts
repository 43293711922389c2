import { connect } from 'node:net'

/**
 * The id of the cluster that answers on the port of 127.0.0.1 and has a broker; undefined when nobody, or somebody else, does.
 * Source: Kafka protocol guide, Metadata request and response, version 5.
 */
export function clusterAt(port: number): Promise<string | undefined> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1')
    let received: Buffer = Buffer.alloc(0)
    socket.setTimeout(answerMilliseconds, () => socket.destroy())
    socket.once('connect', () => socket.write(metadataRequest))
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      if (received.length > answerBytes) socket.destroy()
      if (received.length < 4 || received.length < 4 + received.readInt32BE(0)) return
      socket.destroy()
      settle(clusterOf(received))
    })
    socket.once('error', () => settle(undefined))
    socket.once('close', () => settle(undefined))
  })
}

const answerMilliseconds = 2_000
const answerBytes = 64 * 1024
const correlation = 7

/** Length, key 3, version 5, correlation id, empty client id, no topics, no topic to be made. */
const metadataRequest = Buffer.from([0, 0, 0, 15, 0, 3, 0, 5, 0, 0, 0, correlation, 0, 0, 0, 0, 0, 0, 0])

function clusterOf(answer: Buffer): string | undefined {
  let at = 4
  const number = () => answer.readInt32BE((at += 4) - 4)
  const text = () => {
    const length = answer.readInt16BE((at += 2) - 2)
    return length < 0 ? undefined : answer.toString('utf8', at, (at += length))
  }
  try {
    if (number() !== correlation) return undefined
    number() // throttle time
    const brokers = number()
    for (let broker = 0; broker < brokers; broker += 1) {
      number() // id
      text() // host
      number() // port
      text() // rack
    }
    const cluster = text()
    return brokers > 0 ? cluster : undefined
  } catch {
    return undefined
  }
}
