import { createServer } from 'node:net'
import { PortTaken } from '#libs/http/index'
import { StartError } from './start-error.ts'

/**
 * Finds out before anything is started whether the port can be had, and which one when any will do (0).
 * @throws PortTaken, StartError
 */
export async function freePort(host: string, port: number): Promise<number> {
  const probe = createServer()
  return new Promise((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => reject(refusal(host, port, error.code)))
    probe.listen(port, host, () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port))
    })
  })
}

function refusal(host: string, port: number, code: string | undefined): Error {
  if (code === 'EADDRINUSE') return new PortTaken(host, port)
  return new StartError(
    `Cannot listen on ${host}:${port} (${code}). Set LATCHKEY_HOST and the port to an address of this machine that this user may use.`,
  )
}

/** Where this machine itself reaches a server that listens there. */
export function publicAddress(host: string, port: number): string {
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`
}
