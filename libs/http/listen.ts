import { lookup } from 'node:dns/promises'
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import type { INestApplication } from '@nestjs/common'
import type { FastifyInstance } from 'fastify'
import { HttpAdapter } from './adapter.ts'

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
  const adapter = app.getHttpAdapter()
  if (!(adapter instanceof HttpAdapter)) throw new TypeError('the application was not created with createHttpAdapter')
  await app.init()
  try {
    await adapter.getInstance<FastifyInstance>().listen({ host: await oneAddress(host), port })
  } catch (error) {
    await app.close()
    throw isPortTaken(error) ? new PortTaken(host, port) : error
  }
  let closed: Promise<void> | undefined
  const close = async () => {
    await adapter.drain(drainMs)
    await app.close()
  }
  const server = adapter.getHttpServer<Server>()
  const scheme = server instanceof TlsServer ? 'https' : 'http'
  return { url: urlOf(scheme, host, server.address()), close: () => (closed ??= close()) }
}

/** For this name Fastify makes a server for each of its addresses, and only the first of them is ours. */
async function oneAddress(host: string): Promise<string> {
  return host === 'localhost' ? (await lookup(host, { order: 'ipv4first' })).address : host
}

function isPortTaken(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === 'EADDRINUSE'
}

function urlOf(scheme: string, host: string, address: string | AddressInfo | null): string {
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address')
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
