import type { Command } from 'commander'
import { readiness } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { table } from './words.ts'

/** Ends with 0 only when the server is ready. */
export function statusCommand(world: World, version: string): Command {
  return serverCommand(
    'status',
    'whether the server is ready, and what is missing',
    world,
    version,
    async ({ client, show }) => {
      const { body } = await client.look('/health/ready')
      const told = readiness.safeParse(body)
      if (!told.success) {
        throw new Failure(
          'failed',
          `${client.url} does not tell whether it is ready. Check that the address is Latchkey's.`,
        )
      }
      const { status, missing } = told.data
      const serverVersion = told.data.version ?? null
      show({ url: client.url, status, missing, version: serverVersion, cliVersion: version }, () => {
        const first = `${client.url} is ${status}${serverVersion === null ? '' : `, version ${serverVersion}`} (this program: ${version})\n`
        return missing.length === 0
          ? first
          : first +
              table(
                ['MISSING', 'REASON'],
                missing.map(({ name, reason }) => [name, reason]),
              )
      })
      if (status !== 'ready') {
        throw new Failure(
          'failed',
          `${client.url} cannot serve yet: ${missing.map(({ name }) => name).join(', ')}. See its log.`,
        )
      }
    },
  )
}
