import type { Command } from 'commander'
import { readiness } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { table } from './words.ts'

interface Lack {
  readonly name: string
  readonly reason: string
}

interface Readiness {
  readonly url: string
  readonly status: string
  /** What it cannot serve without, and what it can. */
  readonly missing: readonly Lack[]
  readonly degraded: readonly Lack[]
  readonly version: string | null
}

/** Ends with 0 only when the server is ready; where each service is a program, when all of them are. */
export function statusCommand(world: World, version: string): Command {
  return serverCommand(
    'status',
    'whether the server is ready, and what is missing',
    world,
    version,
    async ({ client, show }) => {
      const services = await Promise.all(
        client.services().map(async ({ name, client: service }) => ({ name, ...(await readinessOrSilence(service)) })),
      )
      const own = services.find(({ url }) => url === client.url) ?? (await readinessOf(client))
      const { url, status, missing, degraded, version: serverVersion } = own
      const data = { url, status, missing, degraded, version: serverVersion, cliVersion: version }
      const told = services.length === 0 ? [own] : services
      show(services.length === 0 ? data : { ...data, services }, () =>
        [
          `${url} is ${status}${serverVersion === null ? '' : `, version ${serverVersion}`} (this program: ${version})\n`,
          ...(services.length === 0
            ? []
            : [
                table(
                  ['SERVICE', 'ADDRESS', 'STATUS'],
                  services.map((each) => [each.name, each.url, each.status]),
                ),
              ]),
          lacks(
            'MISSING',
            told.flatMap((each) => each.missing),
          ),
          lacks(
            'DEGRADED',
            told.flatMap((each) => each.degraded),
          ),
        ].join(''),
      )
      for (const each of told) {
        if (each.status === 'ready') continue
        const names = each.missing.map(({ name }) => name).join(', ')
        throw new Failure('failed', `${each.url} cannot serve yet: ${names}. See its log.`)
      }
    },
  )
}

async function readinessOf(client: Client): Promise<Readiness> {
  const { body } = await client.look('/health/ready')
  const told = readiness.safeParse(body)
  if (!told.success) {
    throw new Failure(
      'failed',
      `${client.url} does not tell whether it is ready. Check that the address is Latchkey's.`,
    )
  }
  const { version = null, ...rest } = told.data
  return { url: client.url, ...rest, version }
}

/** One service that does not answer must not keep the others from being shown. */
async function readinessOrSilence(client: Client): Promise<Readiness> {
  try {
    return await readinessOf(client)
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const missing = [{ name: 'an answer', reason: error.message }]
    return { url: client.url, status: 'silent', missing, degraded: [], version: null }
  }
}

function lacks(title: string, found: readonly Lack[]): string {
  if (found.length === 0) return ''
  return table(
    [title, 'REASON'],
    found.map(({ name, reason }) => [name, reason]),
  )
}
