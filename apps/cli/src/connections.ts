import { Command, Option } from 'commander'
import { identityProviders } from '#libs/events/index'
import { connection, type Connection, removed } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { type Chosen, chosen, offerSettings, settingsInWords } from './connection-settings.ts'
import { Failure } from './failure.ts'
import { resolveTenant } from './tenants.ts'
import { facts, table } from './words.ts'

interface NewConnection extends Chosen {
  readonly tenant: string
  readonly name: string
  readonly idp?: string
  readonly environment?: string
}

interface ChangedConnection extends Chosen {
  readonly name?: string
  readonly idp?: string
}

export function connectionsCommand(world: World, version: string): Command {
  const create = serverCommand(
    'create',
    'create a connection',
    world,
    version,
    async ({ client, show }, options: NewConnection) => {
      const { id } = await resolveTenant(client, options.tenant)
      const made = await client.write('POST', `/tenants/${encodeURIComponent(id)}/connections`, connection, {
        name: options.name,
        ...(options.idp === undefined ? {} : { identityProvider: options.idp }),
        ...(options.environment === undefined ? {} : { environment: options.environment }),
        ...chosen(options),
      })
      show(made, () => `${inFull(made)}\nNext, mint its key with: latchkey keys mint --connection ${made.id}\n`)
    },
  )
    .requiredOption('--tenant <tenant>', 'id or name of its tenant')
    .requiredOption('--name <name>', 'what people call it')
    .addOption(new Option('--idp <kind>', 'identity provider (other unless told)').choices(identityProviders))
    .addOption(
      new Option('--environment <environment>', 'sandbox unless told; never changes').choices(['live', 'sandbox']),
    )

  const list = serverCommand(
    'list',
    'list connections',
    world,
    version,
    async ({ client, show }, { tenant, deleted = false }: { tenant?: string; deleted?: boolean }) => {
      const path =
        tenant === undefined
          ? '/connections'
          : `/tenants/${encodeURIComponent((await resolveTenant(client, tenant)).id)}/connections`
      const connections = await client.list(deleted ? `${path}?deleted=true` : path, connection)
      show(connections, () => (connections.length === 0 ? noneOf(deleted) : listed(connections, deleted)))
    },
  )
    .option('--tenant <tenant>', 'only those of the tenant with this id or name')
    .option('--deleted', 'those that were deleted')

  const show = serverCommand(
    'show',
    'show one connection',
    world,
    version,
    async ({ client, show }, _options, id: string) => {
      const found = await client.read(`/connections/${encodeURIComponent(id)}`, connection)
      show(found, () => inFull(found))
    },
  ).argument('<id>', 'id of the connection')

  const set = serverCommand(
    'set',
    'change a connection: what is not named stays as it is',
    world,
    version,
    async ({ client, show }, options: ChangedConnection, id: string) => {
      const wanted = {
        ...(options.name === undefined ? {} : { name: options.name }),
        ...(options.idp === undefined ? {} : { identityProvider: options.idp }),
        ...chosen(options),
      }
      if (Object.keys(wanted).length === 0) {
        throw new Failure('usage', 'Nothing to change was named. See what can be: latchkey connections set --help')
      }
      const changed = await client.write('PATCH', `/connections/${encodeURIComponent(id)}`, connection, wanted)
      show(changed, () => inFull(changed))
    },
  )
    .argument('<id>', 'id of the connection')
    .option('--name <name>', 'what people call it')
    .addOption(new Option('--idp <kind>', 'identity provider').choices(identityProviders))

  const disable = serverCommand(
    'disable',
    'refuse all requests of a connection, until it is enabled',
    world,
    version,
    async ({ client, show }, _options, id: string) => {
      const disabled = await client.write('POST', `/connections/${encodeURIComponent(id)}/disable`, connection)
      show(disabled, () => inFull(disabled))
    },
  ).argument('<id>', 'id of the connection')

  const enable = serverCommand(
    'enable',
    'take the requests of a disabled connection again',
    world,
    version,
    async ({ client, show }, _options, id: string) => {
      const wanted = { state: 'enabled' }
      const enabled = await client.write('PATCH', `/connections/${encodeURIComponent(id)}`, connection, wanted)
      show(enabled, () => inFull(enabled))
    },
  ).argument('<id>', 'id of the connection')

  const remove = serverCommand(
    'delete',
    'delete a connection: its keys are revoked, and what it brought is removed',
    world,
    version,
    async ({ client, show }, _options, id: string) => {
      const path = `/connections/${encodeURIComponent(id)}`
      const { tenant, name } = await client.read(path, connection)
      await client.write('DELETE', path, removed)
      show({ deleted: id, tenant, name }, () => facts({ deleted: id, tenant, name }))
    },
  ).argument('<id>', 'id of the connection')

  offerSettings(create)
  offerSettings(set)
  return [create, list, show, set, disable, enable, remove].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('connections').description('integrations of an identity provider'),
  )
}

function noneOf(deleted: boolean): string {
  return deleted
    ? 'No connection was deleted.\n'
    : 'There is no connection yet. Create one with: latchkey connections create --tenant T --name N\n'
}

function listed(connections: readonly Connection[], deleted: boolean): string {
  return table(
    ['CONNECTION', 'TENANT', 'NAME', 'IDP', 'ENVIRONMENT', deleted ? 'DELETED' : 'STATE'],
    connections.map((one) => [
      one.id,
      one.tenant,
      one.name,
      one.identityProvider,
      one.environment,
      deleted ? (one.deletedAt?.slice(0, 10) ?? '') : one.state,
    ]),
  )
}

function inFull({
  id,
  tenant,
  name,
  identityProvider,
  environment,
  state,
  settings,
  schemas,
  scimBaseUrl,
  createdAt,
}: Connection): string {
  return facts({
    connection: id,
    tenant,
    name,
    'identity provider': identityProvider,
    environment,
    state,
    ...settingsInWords(settings, environment),
    schemas: schemas.length === 0 ? 'none of its own' : schemas.join(', '),
    'SCIM base URL': scimBaseUrl,
    created: createdAt,
  })
}
