import { Socket } from 'node:net'

/**
 * A socket that writes once per turn of the event loop: statements that are sent in one turn leave in one system call,
 * which costs more than what is in them.
 */
export function gatheringSocket(): Socket {
  const socket = new Socket()
  const write = socket.write.bind(socket)
  let gathering = false
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
  return Object.assign(socket, { write: gather })
}
