import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { INestApplication } from '@nestjs/common'
import type { FastifyInstance } from 'fastify'

export class PortTaken extends Error {
  override readonly name = 'PortTaken'
  readonly port: number

  constructor(host: string, port: number) {
    super(`port ${port} of ${host} is in use by another program; end that one, or choose another port`)
    this.port = port
  }
}

export interface Listening {
  readonly url: string
  /**
   * Takes no more connections, answers what is in flight (each connection closes after its answer), then ends the
   * application with Nest's shutdown hooks. After 10 seconds what is still in flight is cut off. May be called twice.
   */
  close(): Promise<void>
}

const drainMs = 10_000

/**
 * Starts the application, on a port that the system chooses where `port` is 0.
 * @throws PortTaken
 */
export async function listen(
  app: INestApplication,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Listening> {
  const fastify: FastifyInstance = app.getHttpAdapter().getInstance()
  const server: Server = fastify.server
  let draining = false
  fastify.addHook('onSend', (_request, reply, payload, done) => {
    if (draining) reply.header('connection', 'close')
    done(null, payload)
  })
  await app.init()
  try {
    await fastify.listen({ host, port })
  } catch (error) {
    await app.close()
    throw error instanceof Error && 'code' in error && error.code === 'EADDRINUSE' ? new PortTaken(host, port) : error
  }
  let closed: Promise<void> | undefined
  const close = async () => {
    draining = true
    await drain(server)
    await app.close()
  }
  return { url: urlOf(host, server.address()), close: () => (closed ??= close()) }
}

async function drain(server: Server): Promise<void> {
  const timer = setTimeout(() => server.closeAllConnections(), drainMs)
  await new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeIdleConnections()
  })
  clearTimeout(timer)
}

function urlOf(host: string, address: string | AddressInfo | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address')
  return `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
