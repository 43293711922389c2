import { resolve } from 'node:path'
import type { Command } from 'commander'
import { type Key, key, rotation, type Rotation } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { saveOption } from './authentication.ts'
import { chosenGrace, chosenMode, type Chosen, graceOption, modeOption, policyCommand } from './rotation-policy.ts'
import { reportInFull, showCommand } from './rotation-report.ts'
import { showOnce } from './shown-once.ts'
import { facts } from './words.ts'

const hearing =
  'It is waited until the keys service knows which keys were used up to now, for some 5 seconds where no request comes, and 10 at the most.'

interface OfConnection {
  readonly connection: string
  readonly force?: true
}

interface Saved {
  readonly save?: string
}

export function rotationCommands(world: World, version: string): Command[] {
  const rotate = serverCommand(
    'rotate',
    'mint the next key of a connection, with the policy of the present one, and as long a life from now on where that has an expiry; the present one goes on until its grace after the first use of the new one',
    world,
    version,
    async ({ client, show }, options: OfConnection & Chosen & Saved) => {
      const body = {
        ...(options.force === true ? { force: true } : {}),
        ...chosenMode(options),
        ...chosenGrace(options),
      }
      await showOnce({
        ask: () => client.write('POST', `${pathOf(options.connection)}/rotations`, rotation, body),
        isWithheld: ({ revealable }) => revealable,
        save: options.save === undefined ? undefined : resolve(world.folder, options.save),
        // A live key comes with its secret or not at all. Whoever may rotate but not read is not kept from the key.
        hasSecret: async ({ newKey, keyShown }) =>
          keyShown === 'again' &&
          signsByHmac(await client.read(`/keys/${encodeURIComponent(newKey.kid)}`, key).catch(() => undefined)),
        lost: ({ newKey }) => ({
          kid: newKey.kid,
          done: 'minted',
          fix: 'Rotate again with --force: that cancels it and mints another.',
        }),
        print: (started, secrets) => show(started, () => begun(started, secrets)),
      })
    },
  )
    .requiredOption('--connection <id>', 'id of the connection')
    .option(
      '--force',
      'end what a running rotation holds: its next key if that was never used, else its old key, at once',
    )
    .addOption(modeOption())
    .addOption(graceOption())
    .addOption(saveOption())

  const finish = serverCommand(
    'finish',
    'end the old key of a running rotation at once',
    world,
    version,
    async ({ client, show, awaited }, options: OfConnection) => {
      const { id } = await runningOf(client, options.connection)
      const body = options.force === true ? { force: true } : {}
      const finished = await awaited(
        client.write('POST', `/rotations/${encodeURIComponent(id)}/finish`, rotation, body),
        hearing,
      )
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
    async ({ client, show, awaited }, { connection }: Partial<OfConnection>, kid: string | undefined) => {
      if ((kid === undefined) === (connection === undefined)) {
        throw new Failure('usage', 'Name a key, or a connection by --connection, and not both.')
      }
      if (connection === undefined) {
        const cancelled = await awaited(
          client.write('POST', `/keys/${encodeURIComponent(kid ?? '')}/cancel`, key),
          hearing,
        )
        return show(cancelled, () => facts({ kid: cancelled.kid, state: cancelled.state }))
      }
      const { id } = await runningOf(client, connection)
      const cancelled = await awaited(
        client.write('POST', `/rotations/${encodeURIComponent(id)}/cancel`, rotation),
        hearing,
      )
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
    async ({ client, show }, { save }: Saved, kid: string) => {
      await showOnce({
        ask: () => client.write('POST', `/keys/${encodeURIComponent(kid)}/reveal`, key),
        save: save === undefined ? undefined : resolve(world.folder, save),
        hasSecret: signsByHmac,
        lost: ({ connection }) => ({
          kid,
          done: 'revealed',
          fix: `Mint another in its place: latchkey keys rotate --connection ${connection} --force`,
        }),
        print: (revealed, secrets) =>
          show(
            revealed,
            () =>
              `${facts({ kid, ...secrets, 'SCIM base URL': revealed.scimBaseUrl })}\nKeep it now: it is kept nowhere else.\n`,
          ),
      })
    },
  )
    .argument('<kid>', 'id part of the key, the 12 characters after lk_live_ or lk_test_')
    .addOption(saveOption())

  return [rotate, finish, cancel, reveal, showCommand(world, version), policyCommand(world, version)]
}

function signsByHmac(read: Key | undefined): boolean {
  return read?.policy?.authentication?.algorithm === 'hmac-sha256'
}

function pathOf(connection: string): string {
  return `/connections/${encodeURIComponent(connection)}`
}

async function runningOf(client: Client, connection: string): Promise<Rotation> {
  const running = await client.first(`${pathOf(connection)}/rotations?state=running`, rotation)
  if (running !== undefined) return running
  throw new Failure(
    'failed',
    `No rotation of this connection is running. Start one: latchkey keys rotate --connection ${connection}`,
  )
}

function begun(
  { id, newKey, oldKey, graceHours, connection, mode, hardEnd, revealable }: Rotation,
  secrets: Record<string, string>,
) {
  const end =
    hardEnd === null
      ? `The old key ${oldKey.kid} goes on until ${graceHours} h after the first use of the new one${mode === 'safe' ? ', and longer while it is used' : ''}.`
      : `The old key ${oldKey.kid} goes on until ${graceHours} h after the first use of the new one; it ends at ${hardEnd} also if that is never used.`
  const put = revealable
    ? `This token may not see keys. Who may mint is shown the new one, once: latchkey keys reveal ${newKey.kid}. Put it into the identity provider.`
    : 'Put the new key into the identity provider.'
  return `${facts({ rotation: id, kid: newKey.kid, ...secrets })}
${put} ${end}
Watch it with: latchkey keys show --connection ${connection}
`
}
