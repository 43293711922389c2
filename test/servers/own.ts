import { ownFolder } from './own-folder.ts'

/** A server that a test file stops and starts as it likes. Its address stays the same. */
export interface OwnServer {
  /** Ends the server in peace, and starts it again on the same port after `meanwhile`. */
  outage(meanwhile?: () => Promise<void>): Promise<void>
  /** The same by kill -9. */
  kill(meanwhile?: () => Promise<void>): Promise<void>
  /** The server stands still, with its connections open, until `meanwhile` is done. */
  freeze(meanwhile: () => Promise<void>): Promise<void>
  stop(): Promise<void>
}

interface Running {
  readonly pid: number
  stop(): Promise<void>
}

/** Starts the server; `start` is given its folder, and the port of its first start on the later ones. */
export async function ownServer<Server extends Running>(
  start: (parent: string, port: number) => Promise<Server>,
  address: (server: Server) => string,
): Promise<OwnServer & { readonly address: string }> {
  const folder = ownFolder()
  let server = await start(folder.path, 0)
  const first = address(server)
  const port = Number(first.slice(first.lastIndexOf(':') + 1))
  const outage = async (meanwhile = async () => {}) => {
    await server.stop()
    try {
      await meanwhile()
    } finally {
      server = await start(folder.path, port)
    }
  }
  return {
    address: first,
    outage,
    async kill(meanwhile) {
      process.kill(server.pid, 'SIGKILL')
      await outage(meanwhile)
    },
    async freeze(meanwhile) {
      process.kill(server.pid, 'SIGSTOP')
      try {
        await meanwhile()
      } finally {
        process.kill(server.pid, 'SIGCONT')
      }
    },
    async stop() {
      await server.stop()
      await folder.remove()
    },
  }
}
