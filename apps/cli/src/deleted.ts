import { Command } from 'commander'
import { deletedRecord, restoredRecord } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { ago, facts, table } from './words.ts'

interface OfConnection {
  readonly connection: string
  readonly name?: string
}

export function deletedCommand(world: World, version: string): Command {
  const list = serverCommand(
    'list',
    'list deleted users and groups that can be restored, the last first',
    world,
    version,
    async ({ client, show }, { connection, name }: OfConnection) => {
      const query = name === undefined ? '' : `?name=${encodeURIComponent(name)}`
      const deleted = await client.of('gateway').list(`${pathOf(connection)}${query}`, deletedRecord)
      const now = new Date()
      show(deleted, () =>
        deleted.length === 0
          ? 'Nothing that was deleted there can be restored.\n'
          : table(
              ['ID', 'KIND', 'NAME', 'DELETED', 'RESTORABLE UNTIL'],
              deleted.map((one) => [one.id, one.kind, one.name, ago(one.deletedAt, now), one.restorableUntil]),
            ),
      )
    },
  )
    .requiredOption('--connection <id>', 'id of the connection')
    .option('--name <name>', 'only those of this userName or displayName')

  const restore = serverCommand(
    'restore',
    'restore a deleted user or group, with its memberships',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection, id: string) => {
      const path = `${pathOf(connection)}/${encodeURIComponent(id)}/restore`
      const restored = await client.of('gateway').write('POST', path, restoredRecord)
      show(restored, () => facts({ id: restored.id, kind: restored.kind, name: restored.name }))
    },
  )
    .argument('<id>', 'id of the user or group')
    .requiredOption('--connection <id>', 'id of the connection')

  return new Command('deleted')
    .description('users and groups that were deleted, at the gateway')
    .addCommand(list)
    .addCommand(restore)
}

function pathOf(connection: string): string {
  return `/connections/${encodeURIComponent(connection)}/deleted`
}
