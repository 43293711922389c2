import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { systemCode } from './system-code.ts'

// Below the range from which kernels take the ports of outgoing connections (32768 and up on Linux, 49152 and up elsewhere). One of
// those may be taken, while nobody listens on it, by any connection of this machine; a client that tries it again and again can even
// be connected to itself. So port 0 of `listen`, which takes from that range, is not for a server that is to start later, or again.
const lowest = 20_000
const highest = 26_000
/** Ports that a process takes first for the addresses of its own services, four to each: two that start at once take different ones. */
const ownLowest = 26_000
const ownBlocks = 1_500
const ownEach = 4
const attempts = 100

export interface HeldPort {
  readonly port: number
  /** Resolves when another may listen on it. */
  release(): Promise<void>
}

/** A port on which nobody else can listen before it is released. Throws what the system says of the host. */
export async function holdFreePort(host: string): Promise<HeldPort> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await holdPort(host, lowest + Math.floor(Math.random() * (highest - lowest)))
    } catch (error) {
      if (systemCode(error) !== 'EADDRINUSE' || attempt === attempts) throw error
    }
  }
}

/**
 * The same, at numbers that other processes take last: for an address that is told now and listened on seconds later. `nth` is 0 to 3.
 */
export async function holdOwnPort(host: string, nth: number): Promise<HeldPort> {
  const own = ownLowest + (process.pid % ownBlocks) * ownEach + (nth % ownEach)
  try {
    return await holdPort(host, own)
  } catch (error) {
    if (systemCode(error) !== 'EADDRINUSE') throw error
    return holdFreePort(host)
  }
}

/** The same for a port that is named: EADDRINUSE is thrown when somebody listens there. */
export async function holdPort(host: string, port: number): Promise<HeldPort> {
  // Whoever knocks meanwhile must not keep it from being released.
  const server = createServer((socket) => socket.destroy()).listen(port, host)
  await once(server, 'listening')
  return { port, release: () => closed(server) }
}

/** A port that nobody listens on at this moment, and that no outgoing connection will take. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const { port, release } = await holdFreePort(host)
  await release()
  return port
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
