import { Command, Option } from 'commander'
import { connection, type Connection } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { resolveTenant } from './tenants.ts'
import { facts, table } from './words.ts'

interface NewConnection {
  readonly tenant: string
  readonly name: string
  readonly idp?: string
  readonly environment?: string
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
      })
      show(made, () => `${inFull(made)}\nNext, mint its key with: latchkey keys mint --connection ${made.id}\n`)
    },
  )
    .requiredOption('--tenant <tenant>', 'id or name of its tenant')
    .requiredOption('--name <name>', 'what people call it')
    .addOption(
      new Option('--idp <kind>', 'identity provider (other unless told)').choices(['okta', 'entra', 'google', 'other']),
    )
    .addOption(
      new Option('--environment <environment>', 'sandbox unless told; never changes').choices(['live', 'sandbox']),
    )

  const list = serverCommand(
    'list',
    'list connections',
    world,
    version,
    async ({ client, show }, options: { tenant?: string }) => {
      const path =
        options.tenant === undefined
          ? '/connections'
          : `/tenants/${encodeURIComponent((await resolveTenant(client, options.tenant)).id)}/connections`
      const connections = await client.list(path, connection)
      show(connections, () =>
        connections.length === 0
          ? 'There is no connection yet. Create one with: latchkey connections create --tenant T --name N\n'
          : table(
              ['CONNECTION', 'TENANT', 'NAME', 'IDP', 'ENVIRONMENT', 'STATE'],
              connections.map((one) => [
                one.id,
                one.tenant,
                one.name,
                one.identityProvider,
                one.environment,
                one.state,
              ]),
            ),
      )
    },
  ).option('--tenant <tenant>', 'only those of the tenant with this id or name')

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

  const disable = serverCommand(
    'disable',
    'refuse all requests of a connection',
    world,
    version,
    async ({ client, show }, _options, id: string) => {
      const disabled = await client.write('POST', `/connections/${encodeURIComponent(id)}/disable`, connection)
      show(disabled, () => inFull(disabled))
    },
  ).argument('<id>', 'id of the connection')

  return [create, list, show, disable].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('connections').description('integrations of an identity provider'),
  )
}

function inFull({
  id,
  tenant,
  name,
  identityProvider,
  environment,
  state,
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
    'SCIM base URL': scimBaseUrl,
    created: createdAt,
  })
}
