import { Command, InvalidArgumentError } from 'commander'
import { guard, type Guard } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { ago, facts, table } from './words.ts'

interface Allowed {
  readonly for?: string
  readonly count?: number
}

export function guardCommand(world: World, version: string): Command {
  const list = serverCommand(
    'list',
    'list connections whose deactivations and deletions wait for a person, or were allowed or denied',
    world,
    version,
    async ({ client, show }) => {
      const guards = await client.of('gateway').list('/guard', guard)
      const now = new Date()
      show(guards, () =>
        guards.length === 0
          ? 'Nothing waits for a person.\n'
          : table(
              ['CONNECTION', 'STATE', 'SINCE', 'TRIED', 'FIRST OF THEM'],
              guards.map((one) => [
                one.connection,
                stateOf(one),
                one.heldSince === null ? '' : ago(one.heldSince, now),
                String(one.tried),
                one.examples.map(({ kind, id }) => `${kind} ${id}`).join(', '),
              ]),
            ),
      )
    },
  )

  const allow = serverCommand(
    'allow',
    'let the deactivations and deletions of a connection go on; what comes after that time or number is counted from nothing, up to the limit of a whole new window',
    world,
    version,
    async ({ client, show }, options: Allowed, connection: string) => {
      if (options.for !== undefined && options.count !== undefined) {
        throw new Failure('usage', 'Give either --for or --count: until when, or how many.')
      }
      const body = options.count === undefined ? { for: options.for ?? '1h' } : { count: options.count }
      const allowed = await client.of('gateway').write('POST', pathOf(connection, 'allow'), guard, body)
      show(allowed, () => facts({ connection, state: stateOf(allowed) }))
    },
  )
    .argument('<connection>', 'id of the connection')
    .option('--for <duration>', 'for so long, such as 30m or 2d (1h unless told)')
    .option('--count <number>', 'so many of them', wholeNumber)

  const deny = serverCommand(
    'deny',
    'refuse the deactivations and deletions of a connection for the time of its window',
    world,
    version,
    async ({ client, show }, _options, connection: string) => {
      const denied = await client.of('gateway').write('POST', pathOf(connection, 'deny'), guard)
      show(denied, () => facts({ connection, state: stateOf(denied) }))
    },
  ).argument('<connection>', 'id of the connection')

  return [list, allow, deny].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('guard').description('many deactivations and deletions in a short time, which wait for a person'),
  )
}

function stateOf({ state, until, left }: Guard): string {
  if (state === 'held') return state
  return left === null ? `${state} until ${until ?? ''}` : `${state}: ${left} more`
}

function pathOf(connection: string, act: 'allow' | 'deny'): string {
  return `/guard/${encodeURIComponent(connection)}/${act}`
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}
