import { readFileSync } from 'node:fs'
import { constants } from 'node:os'

export interface AskedToStop {
  /** Resolves at the first signal to stop; further ones change nothing. */
  readonly asked: Promise<void>
  isAsked(): boolean
}

/**
 * Listens for Ctrl-C, for a supervisor's SIGTERM, for the end of a supervisor that holds a channel to this process, and for
 * the end of the terminal unless that is to be outlived (nohup).
 */
export function askedToStop(): AskedToStop {
  const { promise, resolve } = Promise.withResolvers<void>()
  let asked = false
  const onSignal = (): void => {
    asked = true
    resolve()
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, onSignal)
  process.on('disconnect', onSignal)
  if (process.connected === false) onSignal()
  if (!isIgnored('SIGHUP')) process.on('SIGHUP', onSignal)
  // Nobody may be left to read; that must not keep the program from ending in order.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  return { asked: promise, isAsked: () => asked }
}

/** Whether whoever started this program had the signal ignored; only Linux tells. */
function isIgnored(signal: 'SIGHUP'): boolean {
  try {
    const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(constants.signals[signal] - 1)) & 1n) === 1n
  } catch {
    return false
  }
}
