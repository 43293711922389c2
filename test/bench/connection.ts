import { connect, type Socket } from 'node:net'

export interface Reply {
  readonly status: number
  /** Header lines as they came, each ended by CRLF. */
  readonly head: string
  readonly body: string
}

/** One keep-alive HTTP/1.1 connection that costs the measuring side as little as possible: one request at a time, answers with a length. */
export class Connection {
  readonly #socket: Socket
  readonly #host: string
  #received: Buffer = Buffer.alloc(0)
  #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined

  private constructor(socket: Socket, host: string) {
    this.#socket = socket
    this.#host = host
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('the server closed the connection')))
  }

  static async open(url: URL): Promise<Connection> {
    const socket = connect(Number(url.port), url.hostname)
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(socket, url.host)
  }

  request(method: string, path: string, headers: string, body = ''): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(
        `${method} ${path} HTTP/1.1\r\nhost: ${this.#host}\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
      )
    })
  }

  /** False once either side has closed it, as a server does to one that is idle for long. */
  get isOpen(): boolean {
    return this.#socket.readyState === 'open'
  }

  close(): void {
    this.#waiting = undefined
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = this.#received.toString('latin1', 0, end)
    const body = bodyOf(this.#received, end + 4, head)
    if (body === undefined) return
    this.#received = this.#received.subarray(body.end)
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve({ status: Number(head.slice(9, 12)), head: head.slice(head.indexOf('\r\n') + 2), body: body.text })
  }
}

/** The body that begins there, and where it ends; undefined while it is not all there. */
function bodyOf(received: Buffer, from: number, head: string): { text: string; end: number } | undefined {
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) {
    const end = from + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
    return received.length < end ? undefined : { text: received.toString('utf8', from, end), end }
  }
  const chunks: Buffer[] = []
  for (let at = from; ;) {
    const line = received.indexOf('\r\n', at)
    const length = line < 0 ? Number.NaN : Number.parseInt(received.toString('latin1', at, line), 16)
    const next = line + 2 + length + 2
    if (!(received.length >= next)) return undefined
    if (length === 0) return { text: Buffer.concat(chunks).toString('utf8'), end: next }
    chunks.push(received.subarray(line + 2, line + 2 + length))
    at = next
  }
}
