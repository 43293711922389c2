import type { Command } from 'commander'
import { key, rotation, type Rotation } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { chosenGrace, chosenMode, type Chosen, graceOption, modeOption, policyCommand } from './rotation-policy.ts'
import { reportInFull, showCommand } from './rotation-report.ts'
import { facts } from './words.ts'

interface OfConnection {
  readonly connection: string
  readonly force?: true
}

export function rotationCommands(world: World, version: string): Command[] {
  const rotate = serverCommand(
    'rotate',
    'mint the next key of a connection; the present one goes on until its grace after the first use of the new one',
    world,
    version,
    async ({ client, show }, options: OfConnection & Chosen) => {
      const started = await client.write('POST', `${pathOf(options.connection)}/rotations`, rotation, {
        ...(options.force === true ? { force: true } : {}),
        ...chosenMode(options),
        ...chosenGrace(options),
      })
      if (started.key === undefined) {
        throw new Failure(
          'failed',
          `Key ${started.newKey.kid} was minted, but the answer that held it was lost, and it is shown only once. Rotate again with --force: that cancels it and mints another.`,
        )
      }
      show(started, () => begun(started, started.key ?? ''))
    },
  )
    .requiredOption('--connection <id>', 'id of the connection')
    .option(
      '--force',
      'end what a running rotation holds: its next key if that was never used, else its old key, at once',
    )
    .addOption(modeOption())
    .addOption(graceOption())

  const finish = serverCommand(
    'finish',
    'end the old key of a running rotation at once',
    world,
    version,
    async ({ client, show }, options: OfConnection) => {
      const { id } = await runningOf(client, options.connection)
      const body = options.force === true ? { force: true } : {}
      const finished = await client.write('POST', `/rotations/${encodeURIComponent(id)}/finish`, rotation, body)
      show(finished, () => reportInFull(finished, new Date()))
    },
  )
    .requiredOption('--connection <id>', 'id of the connection')
    .option('--force', 'though the new key was never used')

  const cancel = serverCommand(
    'cancel',
    'cancel a key that was never used, or the running rotation of a connection with its next key',
    world,
    version,
    async ({ client, show }, { connection }: Partial<OfConnection>, kid: string | undefined) => {
      if ((kid === undefined) === (connection === undefined)) {
        throw new Failure('usage', 'Name a key, or a connection by --connection, and not both.')
      }
      if (connection === undefined) {
        const cancelled = await client.write('POST', `/keys/${encodeURIComponent(kid ?? '')}/cancel`, key)
        return show(cancelled, () => facts({ kid: cancelled.kid, state: cancelled.state }))
      }
      const { id } = await runningOf(client, connection)
      const cancelled = await client.write('POST', `/rotations/${encodeURIComponent(id)}/cancel`, rotation)
      show(cancelled, () => reportInFull(cancelled, new Date()))
    },
  )
    .argument('[kid]', 'id part of the key')
    .option('--connection <id>', 'id of the connection')

  const reveal = serverCommand(
    'reveal',
    'show, once, the text of a key that the schedule has minted',
    world,
    version,
    async ({ client, show }, _options: object, kid: string) => {
      const revealed = await client.write('POST', `/keys/${encodeURIComponent(kid)}/reveal`, key)
      const { key: text, connection, scimBaseUrl } = revealed
      if (text === undefined) {
        throw new Failure(
          'failed',
          `Key ${kid} was revealed, but the answer that held it was lost, and it is shown only once. Mint another in its place: latchkey keys rotate --connection ${connection} --force`,
        )
      }
      show(
        revealed,
        () => `${facts({ kid, key: text, 'SCIM base URL': scimBaseUrl })}\nKeep it now: it is kept nowhere else.\n`,
      )
    },
  ).argument('<kid>', 'id part of the key, the 12 characters after lk_live_ or lk_test_')

  return [rotate, finish, cancel, reveal, showCommand(world, version), policyCommand(world, version)]
}

function pathOf(connection: string): string {
  return `/connections/${encodeURIComponent(connection)}`
}

async function runningOf(client: Client, connection: string): Promise<Rotation> {
  const rotations = await client.list(`${pathOf(connection)}/rotations`, rotation)
  const running = rotations.find(({ state }) => state === 'running')
  if (running !== undefined) return running
  throw new Failure(
    'failed',
    `No rotation of this connection is running. Start one: latchkey keys rotate --connection ${connection}`,
  )
}

function begun({ id, newKey, oldKey, graceHours, connection, mode, hardEnd }: Rotation, text: string): string {
  const end =
    hardEnd === null
      ? `The old key ${oldKey.kid} goes on until ${graceHours} h after the first use of the new one${mode === 'safe' ? ', and longer while it is used' : ''}.`
      : `The old key ${oldKey.kid} goes on until ${graceHours} h after the first use of the new one; it ends at ${hardEnd} also if that is never used.`
  return `${facts({ rotation: id, kid: newKey.kid, key: text })}
Put the new key into the identity provider. ${end}
Watch it with: latchkey keys show --connection ${connection}
`
}
