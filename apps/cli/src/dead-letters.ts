import { Command } from 'commander'
import { deadLetters, followers, replayed } from './answers.ts'
import type { Client } from './client.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { ago, table } from './words.ts'

interface OfGroup {
  readonly group?: string
}

interface Following {
  readonly group: string
  readonly client: Client
}

/** As many as the server takes at once. */
const atOnce = 50

export function deadLettersCommand(world: World, version: string): Command {
  const list = serverCommand(
    'list',
    'list events that could not be applied, the oldest 1000 of each group first',
    world,
    version,
    async ({ client, show }, { group }: OfGroup) => {
      const { found, silent } = await followersOf(client, group)
      const all = await Promise.all(
        found.map(async (each) => (await lettersOf(each)).map((letter) => ({ group: each.group, ...letter }))),
      )
      const letters = all.flat()
      const now = new Date()
      show(letters, () =>
        letters.length === 0
          ? 'There are no dead letters.\n'
          : table(
              ['GROUP', 'ID', 'EVENT', 'KEY', 'BURIED', 'REASON'],
              letters.map((one) => [one.group, one.id, one.name, one.key, ago(one.buriedAt, now), one.reason]),
            ),
      )
      failFor(silent)
    },
  ).option('--group <group>', 'of one consumer group: gateway, keys, directory or audit')

  const replay = serverCommand(
    'replay',
    'apply dead letters again, once their cause is mended',
    world,
    version,
    async ({ client, show }, { group }: OfGroup) => {
      const { found, silent } = await followersOf(client, group)
      const outcomes: { group: string; applied: string[]; stillDead: string[] }[] = []
      for (const each of found) outcomes.push({ group: each.group, ...(await replayAll(each)) })
      show(outcomes, () =>
        table(
          ['GROUP', 'APPLIED', 'STILL DEAD'],
          outcomes.map((one) => [one.group, String(one.applied.length), String(one.stillDead.length)]),
        ),
      )
      failFor(silent)
      const dead = outcomes.reduce((sum, { stillDead }) => sum + stillDead.length, 0)
      if (dead > 0) {
        throw new Failure(
          'failed',
          `${dead} could not be applied this time either. See why with: latchkey dead-letters list`,
        )
      }
    },
  ).option('--group <group>', 'of one consumer group: gateway, keys, directory or audit')

  return new Command('dead-letters')
    .description('events that a service could not apply')
    .addCommand(list)
    .addCommand(replay)
}

/** Who follows, in whichever program of the server; one that does not answer keeps the others from nothing. */
async function followersOf(
  client: Client,
  group: string | undefined,
): Promise<{ readonly found: readonly Following[]; readonly silent: Failure | undefined }> {
  const services = client.services().map((service) => service.client)
  const found: Following[] = []
  let silent: Failure | undefined
  for (const each of services.length === 0 ? [client] : services) {
    try {
      const { items } = await each.read('/followers', followers)
      found.push(...items.map((item) => ({ group: item.group, client: each })))
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      silent = error
    }
  }
  const wanted = found.filter((each) => group === undefined || each.group === group)
  if (wanted.length > 0) return { found: wanted, silent: group === undefined ? silent : undefined }
  if (silent !== undefined) throw silent
  const known = found.map((each) => each.group).join(', ')
  throw new Failure('notFound', `Nothing there follows as ${JSON.stringify(group)}; there is: ${known}.`)
}

async function lettersOf({ group, client }: Following) {
  return (await client.read(`/followers/${encodeURIComponent(group)}/dead-letters`, deadLetters)).items
}

/** All that are dead now, each once, also those beyond the first thousand. */
async function replayAll(following: Following): Promise<{ applied: string[]; stillDead: string[] }> {
  const outcome = { applied: [] as string[], stillDead: [] as string[] }
  const tried = new Set<string>()
  for (;;) {
    const ids = (await lettersOf(following)).map(({ id }) => id).filter((id) => !tried.has(id))
    if (ids.length === 0) return outcome
    for (let from = 0; from < ids.length; from += atOnce) {
      const some = ids.slice(from, from + atOnce)
      const path = `/followers/${encodeURIComponent(following.group)}/dead-letters/replay`
      const { applied, stillDead } = await following.client.write('POST', path, replayed, { ids: some })
      for (const id of some) tried.add(id)
      outcome.applied.push(...applied)
      outcome.stillDead.push(...stillDead)
    }
  }
}

function failFor(silent: Failure | undefined): void {
  if (silent !== undefined) throw silent
}
