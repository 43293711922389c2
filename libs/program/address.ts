import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { PortTaken } from '#libs/http/index'
import { StartError } from './start-error.ts'
import { systemCode } from '#libs/process/index'

/**
 * Finds out before anything is started whether the port can be had, and which one when any will do (0).
 * @throws PortTaken, StartError
 */
export async function freePort(host: string, port: number): Promise<number> {
  const [free = port] = await freePorts(host, [port])
  return free
}

/**
 * As `freePort`, for several at once, of which no two are the same.
 * @throws PortTaken, StartError
 */
export async function freePorts(host: string, ports: readonly number[]): Promise<number[]> {
  const probes: Server[] = []
  try {
    for (const port of ports) probes.push(await probe(host, port))
    return probes.map((server, at) => portOf(server) ?? ports[at] ?? 0)
  } finally {
    await Promise.all(probes.map((server) => new Promise<void>((resolve) => server.close(() => resolve()))))
  }
}

async function probe(host: string, port: number): Promise<Server> {
  const server = createServer().listen(port, host)
  try {
    await once(server, 'listening')
    return server
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EADDRINUSE') throw new PortTaken(host, port)
    throw new StartError(
      `Cannot listen on ${host}:${port} (${code ?? 'unknown reason'}). Set LATCHKEY_HOST and the port to an address of this machine that this user may use.`,
    )
  }
}

function portOf(server: Server): number | undefined {
  const address = server.address()
  return typeof address === 'object' ? address?.port : undefined
}

/** Where this machine itself reaches a server that listens there. */
export function publicAddress(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}
