import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Reply } from './connection.ts'
import { drive, type Load } from './drive.ts'
import type { Floor } from './figures.ts'
import { processorTime } from './processes.ts'

/** What `node:http` alone makes of the same requests, answering each with the bytes of `reply`: a process of its own. */
export async function httpFloor(reply: Reply, headers: string, load: Load): Promise<Omit<Floor, 'ratio'>> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { REPLY: JSON.stringify(reply) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const port = await new Promise<string>((resolve) => child.stdout.once('data', (chunk) => resolve(String(chunk))))
  const pids = child.pid === undefined ? [] : [child.pid]
  try {
    return await drive(
      {
        url: `http://127.0.0.1:${port}`,
        headers,
        processorTime: () => ({ processor: processorTime(pids), postgres: 0 }),
      },
      { ...load, name: 'node:http' },
    )
  } finally {
    child.kill()
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { status, head, body }: Reply = JSON.parse(process.env['REPLY'] ?? '')
  // Those that node:http writes by itself.
  const own = ['date', 'connection', 'keep-alive', 'transfer-encoding']
  const headers = head
    .split('\r\n')
    .map((line) => line.split(/: (.*)/))
    .flatMap(([name = '', value = '']) => (name === '' || own.includes(name.toLowerCase()) ? [] : [name, value]))
  const server = createServer((_request, response) => response.writeHead(status, headers).end(body))
  server.listen(0, '127.0.0.1', () => process.stdout.write(String((server.address() as AddressInfo).port)))
}
