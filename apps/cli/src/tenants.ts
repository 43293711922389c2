import { Command } from 'commander'
import { removed, tenant, type Tenant } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { facts, table } from './words.ts'

export function tenantsCommand(world: World, version: string): Command {
  const create = serverCommand(
    'create',
    'create a tenant',
    world,
    version,
    async ({ client, show }, _options, name: string) => {
      const made = await client.write('POST', '/tenants', tenant, { name })
      show(made, () => facts({ tenant: made.id, name: made.name }))
    },
  ).argument('<name>', 'its name; its id is made of it')
  const list = serverCommand('list', 'list all tenants', world, version, async ({ client, show }) => {
    const tenants = await client.list('/tenants', tenant)
    show(tenants, () =>
      tenants.length === 0
        ? 'There is no tenant yet. Create one with: latchkey tenants create NAME\n'
        : table(
            ['TENANT', 'NAME', 'CREATED'],
            tenants.map(({ id, name, createdAt }) => [id, name, createdAt.slice(0, 10)]),
          ),
    )
  })
  const remove = serverCommand(
    'delete',
    'delete a tenant that has no connections',
    world,
    version,
    async ({ client, show }, _options, idOrName: string) => {
      const { id, name } = await resolveTenant(client, idOrName)
      await client.write('DELETE', `/tenants/${encodeURIComponent(id)}`, removed)
      show({ deleted: id, name }, () => facts({ deleted: id, name }))
    },
  ).argument('<tenant>', 'its id or name')
  return new Command('tenants')
    .description('companies or departments whose people are provisioned')
    .addCommand(create)
    .addCommand(list)
    .addCommand(remove)
}

/** The tenant that has this id or, where none has, this name. */
export async function resolveTenant(client: Client, idOrName: string): Promise<Tenant> {
  const byId = await client.find(`/tenants/${encodeURIComponent(idOrName)}`, tenant)
  if (byId !== undefined) return byId
  const [byName] = await client.list(`/tenants?name=${encodeURIComponent(idOrName)}`, tenant)
  if (byName !== undefined) return byName
  throw new Failure(
    'notFound',
    `No tenant has the id or name ${JSON.stringify(idOrName)}. See them with: latchkey tenants list`,
  )
}
