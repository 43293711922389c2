import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { PortTaken } from '#libs/http/index'
import { type DataFolder, keep, type Kept, type Starting, StartError, usablePorts } from '#libs/program/index'
import type { Everything } from './everything.ts'
import { type ServiceName, type ServiceProcess, services, startServiceProcess } from './service-process.ts'
import { together } from './together.ts'

/** Longer than the longest that a service is waited for. */
const endMilliseconds = 80_000
/** Longer than services take that find their supervisor gone. */
const leavingMilliseconds = 30_000

export type OfEach<T> = Readonly<Record<ServiceName, T>>

export function ofEach<T>(value: (name: ServiceName) => T): OfEach<T> {
  return {
    gateway: value('gateway'),
    keys: value('keys'),
    directory: value('directory'),
    audit: value('audit'),
  }
}

/**
 * The port of each service. Those of a run that was killed leave by themselves; where such a one was before, they are waited for.
 * @throws PortTaken, StartError
 */
export async function servicePorts(
  { configuration, logger, stop }: Starting<Everything>,
  folder: DataFolder,
): Promise<OfEach<number>> {
  const wanted = ofEach((name) => configuration[portVariable(name)])
  const patience = existsSync(folder.file('services')) ? Date.now() + leavingMilliseconds : 0
  for (let told = false; ; told = true) {
    try {
      const free = await usablePorts(
        configuration.LATCHKEY_HOST,
        services.map((name) => wanted[name]),
      )
      return ofEach((name) => free[services.indexOf(name)] ?? 0)
    } catch (error) {
      if (!(error instanceof PortTaken) || Date.now() > patience) throw error
      if (!told)
        logger.warn(
          `port ${error.port} is in use, as it seems by a service of a run that was killed: waiting for its end`,
        )
      await Promise.race([stop.asked, pause(100)])
      if (stop.isAsked()) throw new StartError('told to stop')
    }
  }
}

/**
 * Starts the services and keeps them running. The gateway comes last, so that it knows the first key when it listens.
 * @throws StartError
 */
export async function keepServices(
  { logger, ending, stop }: Starting<Everything>,
  ports: OfEach<number>,
  variables: Readonly<Record<string, string>>,
): Promise<OfEach<ServiceProcess>> {
  const giveUp = new AbortController()
  void stop.asked.then(() => giveUp.abort())
  const env = { ...variables, ...Object.fromEntries(services.map((name) => [portVariable(name), String(ports[name])])) }
  const start = (name: ServiceName): Promise<Kept<ServiceProcess>> =>
    keep<ServiceProcess>(
      `the ${name} service`,
      (_last, stopping) => startServiceProcess(name, env, AbortSignal.any([giveUp.signal, stopping])),
      logger,
    )
  const others = { keys: start('keys'), directory: start('directory'), audit: start('audit') }
  const starts = { ...others, gateway: others.keys.then(() => start('gateway')) }
  await together('the services', endMilliseconds, Object.values(starts), ending, () => giveUp.abort())
  return {
    gateway: (await starts.gateway).current,
    keys: (await starts.keys).current,
    directory: (await starts.directory).current,
    audit: (await starts.audit).current,
  }
}

function portVariable<N extends ServiceName>(name: N) {
  return `LATCHKEY_${name.toUpperCase() as Uppercase<N>}_PORT` as const
}
