import { Socket } from 'node:net'

/**
 * A socket that writes once per turn of the event loop: statements that are sent in one turn leave in one system call,
 * which costs more than what is in them.
 */
export function gatheringSocket(): Socket {
  const socket = new Socket()
  let gathering = false
  // Connecting puts Socket's own `write` in place of any other, so ours must come after.
  return socket.once('connect', () => {
    const write = socket.write.bind(socket)
    const gather = (...written: Parameters<typeof write>): boolean => {
      if (!gathering) {
        gathering = true
        socket.cork()
        setImmediate(() => {
          gathering = false
          socket.uncork()
        })
      }
      return write(...written)
    }
    Object.assign(socket, { write: gather })
  })
}
