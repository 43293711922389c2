import { Command } from 'commander'
import { key } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { rotationCommands } from './rotation.ts'
import { ago, facts, lastUse, table } from './words.ts'

interface OfConnection {
  readonly connection: string
}

export function keysCommand(world: World, version: string): Command {
  const mint = serverCommand(
    'mint',
    'mint a key',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection) => {
      const minted = await client.write('POST', `/connections/${encodeURIComponent(connection)}/keys`, key)
      const { kid, key: text, environment, scimBaseUrl } = minted
      if (text === undefined) {
        throw new Failure(
          'failed',
          `Key ${kid} was minted, but the answer that held it was lost, and it is shown only once. Revoke it (latchkey keys revoke ${kid}) and mint another.`,
        )
      }
      const again =
        environment === 'live' ? 'Keep it now: it is never shown again.' : 'A sandbox key: it can be shown again.'
      show(minted, () => `${facts({ kid, key: text, 'SCIM base URL': scimBaseUrl })}\n${again}\n`)
    },
  ).requiredOption('--connection <id>', 'id of the connection')

  const list = serverCommand(
    'list',
    'list the keys of a connection',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection) => {
      const keys = await client.list(`/connections/${encodeURIComponent(connection)}/keys`, key)
      const now = new Date()
      show(keys, () =>
        keys.length === 0
          ? `The connection has no key yet. Mint one with: latchkey keys mint --connection ${connection}\n`
          : table(
              ['KID', 'STATE', 'ENVIRONMENT', 'CREATED', 'LAST USED'],
              keys.map((one) => [
                one.kid,
                one.state,
                one.environment,
                ago(one.createdAt, now),
                lastUse(one.lastUsed, now),
              ]),
            ),
      )
    },
  ).requiredOption('--connection <id>', 'id of the connection')

  const revoke = serverCommand(
    'revoke',
    'revoke a key, for good',
    world,
    version,
    async ({ client, show }, _options, kid: string) => {
      const revoked = await client.write('POST', `/keys/${encodeURIComponent(kid)}/revoke`, key)
      show(revoked, () => facts({ kid: revoked.kid, state: revoked.state, revoked: revoked.endedAt ?? '' }))
    },
  ).argument('<kid>', 'id part of the key, the 12 characters after lk_live_ or lk_test_')

  return [mint, list, ...rotationCommands(world, version), revoke].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('keys').description('provisioning keys of a connection, and how one takes the place of another'),
  )
}
