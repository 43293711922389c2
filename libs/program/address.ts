import { PortTaken } from '#libs/http/index'
import { type HeldPort, holdOwnPort, holdPort, systemCode } from '#libs/process/index'
import type { Door } from './door.ts'
import { StartError } from './start-error.ts'

/**
 * Finds out before anything is started whether the port can be had, and which one when any will do (0).
 * @throws PortTaken, StartError
 */
export async function usablePort(host: string, port: number): Promise<number> {
  const [free = port] = await usablePorts(host, [port])
  return free
}

/**
 * As `usablePort`, for several at once, of which no two are the same.
 * @throws PortTaken, StartError
 */
export async function usablePorts(host: string, ports: readonly number[]): Promise<number[]> {
  const held: HeldPort[] = []
  try {
    for (const [nth, port] of ports.entries()) held.push(await hold(host, port, nth))
    return held.map(({ port }) => port)
  } finally {
    await Promise.all(held.map(({ release }) => release()))
  }
}

async function hold(host: string, port: number, nth: number): Promise<HeldPort> {
  try {
    return await (port === 0 ? holdOwnPort(host, nth) : holdPort(host, port))
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EADDRINUSE') throw new PortTaken(host, port)
    throw new StartError(
      `Cannot listen on ${host}:${port} (${code ?? 'unknown reason'}). Set LATCHKEY_HOST and the port to an address of this machine that this user may use.`,
    )
  }
}

/** Where this machine itself reaches a server that listens there. */
export function publicAddress({ host, tls }: Pick<Door, 'host' | 'tls'>, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `${tls === undefined ? 'http' : 'https'}://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}
