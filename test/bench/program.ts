import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Running {
  readonly process: ChildProcess
  readonly url: string
  readonly scimBaseUrl: string
  readonly key: string
  readonly adminToken: string
  /** From spawn to the banner. */
  readonly readyAfterMilliseconds: number
  stop(): Promise<void>
}

const program = new URL('../../apps/standalone/src/main.js', import.meta.url).pathname

/** The standalone program as a user starts it, on a free port, with its data in `folder`. */
export async function startStandalone(folder: string, nodeArguments: readonly string[] = []): Promise<Running> {
  const began = performance.now()
  const child = spawn(process.execPath, [...nodeArguments, program], {
    env: { ...process.env, LATCHKEY_DATA: folder, LATCHKEY_PORT: '0', LATCHKEY_LOG_LEVEL: 'warn' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let output = ''
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      if (output.includes('curl ')) resolve()
    })
    void ended.then(() => reject(new Error('the program ended before it was ready')))
  })
  const found = (pattern: RegExp): string => pattern.exec(output)?.[1] ?? ''
  return {
    process: child,
    url: found(/ready at (\S+)/),
    scimBaseUrl: found(/SCIM base URL\s+(\S+)/),
    key: found(/Provisioning key\s+(\S+)/),
    adminToken: readFileSync(`${folder}/admin-token`, 'utf8').trim(),
    readyAfterMilliseconds: performance.now() - began,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

/** Processor time a process has used so far, in seconds; NaN where there is no /proc. */
export function processorTime(pid: number | undefined): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return Number.NaN
  }
}

/** Resident memory of a process in MiB, as Linux counts it; NaN elsewhere. */
export function residentMemory(pid: number | undefined): number {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
  } catch {
    return Number.NaN
  }
}
