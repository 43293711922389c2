import { Command } from 'commander'
import { token, type Token } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { listed } from './policy-options.ts'
import { ago, facts, lastUse, table } from './words.ts'

interface Wanted {
  readonly scopes: readonly string[]
  readonly tenants?: readonly string[]
  readonly from?: readonly string[]
  readonly expires?: string
}

const named = (option: string) => (text: string) => listed(option, text)

export function tokensCommand(world: World, version: string): Command {
  const create = serverCommand(
    'create',
    'make an admin token; tenants, addresses and expiry that are left out are as in the token that this is done with',
    world,
    version,
    async ({ client, show }, { scopes, tenants, from, expires }: Wanted, name: string) => {
      const made = await client.write('POST', '/tokens', token, {
        name,
        scopes,
        ...(tenants === undefined ? {} : { tenants }),
        ...(from === undefined ? {} : { allowlist: from }),
        ...(expires === undefined ? {} : { expiresAt: expires }),
      })
      if (made.token === undefined) {
        throw new Failure(
          'failed',
          `Token ${made.id} was made, but the answer that held it was lost, and it is shown only once. Revoke it (latchkey tokens revoke ${made.id}) and make another.`,
        )
      }
      const text = made.token
      show(made, () => `${facts({ token: text })}${inFull(made, new Date())}\nKeep it now: it is never shown again.\n`)
    },
  )
    .argument('<name>', 'what it is for')
    .requiredOption('--scopes <list>', 'what it may do, such as tenants:read,keys:mint', named('--scopes'))
    .option('--tenants <list>', 'ids of the tenants that it is limited to', named('--tenants'))
    .option('--from <list>', 'addresses or ranges that it is accepted from, such as 192.0.2.0/24', named('--from'))
    .option('--expires <instant>', 'from when on it is refused, such as 2027-01-31T00:00:00Z')

  const list = serverCommand('list', 'list the admin tokens', world, version, async ({ client, show }) => {
    const tokens = await client.list('/tokens', token)
    const now = new Date()
    show(tokens, () =>
      tokens.length === 0
        ? 'There is no admin token yet besides the one of the data folder. Make one with: latchkey tokens create\n'
        : table(
            ['ID', 'NAME', 'STATE', 'TENANTS', 'PEPPER', 'CREATED', 'LAST USED'],
            tokens.map((one) => [
              one.id,
              one.name,
              one.state,
              one.tenants?.join(', ') ?? 'all',
              String(one.pepperVersion ?? ''),
              ago(one.createdAt, now),
              lastUse(one.lastUsed, now),
            ]),
          ),
    )
  })

  const show = serverCommand(
    'show',
    'show one admin token, never its text',
    world,
    version,
    async (task, _options, id: string) => {
      const found = await task.client.read(`/tokens/${encodeURIComponent(id)}`, token)
      task.show(found, () => inFull(found, new Date()))
    },
  ).argument('<id>', 'its id, the 12 characters after lka_')

  const revoke = serverCommand(
    'revoke',
    'revoke an admin token, for good',
    world,
    version,
    async ({ client, show, warn }, _options, id: string) => {
      const revoked = await client.write('POST', `/tokens/${encodeURIComponent(id)}/revoke`, token)
      show(revoked, () => facts({ id: revoked.id, state: revoked.state, revoked: revoked.revokedAt ?? '' }))
      const left = await madeBy(revoked.id, client)
      if (left === undefined)
        warn('which tokens were made with it cannot be seen: latchkey tokens show names who made one')
      else if (left.length > 0) {
        const named = left.map((one) => `${one.id} (${one.name})`).join(', ')
        warn(`tokens that were made with it go on: ${named}. Revoke those too, where somebody else had this one`)
      }
    },
  ).argument('<id>', 'its id, the 12 characters after lka_')

  return [create, list, show, revoke].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('tokens').description('admin tokens: who may do what here'),
  )
}

/** Those that are not revoked; undefined where whoever asks may not see them. */
async function madeBy(id: string, client: Client): Promise<Token[] | undefined> {
  try {
    const tokens = await client.list('/tokens', token)
    return tokens.filter((one) => one.createdBy === id && one.revokedAt === null)
  } catch (error) {
    if (error instanceof Failure) return undefined
    throw error
  }
}

function inFull(one: Token, now: Date): string {
  return facts({
    id: one.id,
    name: one.name,
    state: one.state,
    scopes: one.scopes.join(', '),
    tenants: one.tenants?.join(', ') ?? 'all',
    from: one.allowlist.join(', ') || 'anywhere',
    expires: one.expiresAt ?? 'never',
    created: `${ago(one.createdAt, now)} by ${one.createdBy}`,
    'last used': lastUse(one.lastUsed, now),
    pepper: String(one.pepperVersion ?? ''),
  })
}
