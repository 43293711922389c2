import { Command, Option } from 'commander'
import { type Detection, detection } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { limitOption } from './limit-option.ts'
import { ago, facts, table } from './words.ts'

interface Filter {
  readonly tenant?: string
  readonly connection?: string
  readonly environment?: string
  readonly rule?: string
  readonly state?: string
  readonly limit?: number
}

export function detectionsCommand(world: World, version: string): Command {
  const list = serverCommand(
    'list',
    'list what should not be as it is, the last raised first',
    world,
    version,
    async ({ client, show }, { tenant, connection, environment, rule, state, limit }: Filter) => {
      const wanted = Object.entries({ tenant, connection, environment, rule, state }).filter(
        ([, value]) => value !== undefined,
      )
      const query = new URLSearchParams(wanted.map(([name, value]) => [name, String(value)])).toString()
      const path = query === '' ? '/detections' : `/detections?${query}`
      const found = await client.of('audit').list(path, detection, limit)
      const now = new Date()
      show(found, () =>
        found.length === 0
          ? 'There are no such detections.\n'
          : `${table(
              ['ID', 'RULE', 'SEVERITY', 'STATE', 'SUBJECT', 'COUNT', 'LAST SEEN'],
              found.map((one) => [
                one.id,
                one.rule,
                one.severity,
                one.state,
                subjectOf(one),
                String(one.count),
                ago(one.lastSeen, now),
              ]),
            )}\nWhy, and what to do: latchkey detections show ID\n`,
      )
    },
  )
    .option('--tenant <id>', 'of one tenant')
    .option('--connection <id>', 'of one connection')
    .addOption(
      new Option('--environment <environment>', 'of live or of sandbox connections').choices(['live', 'sandbox']),
    )
    .option('--rule <code>', 'of one rule, such as wrong-secret')
    .option('--state <state>', 'open, acknowledged or muted')
    .addOption(limitOption())

  const show = serverCommand(
    'show',
    'show one detection: its cause, what to do, and its last requests',
    world,
    version,
    async (task, _options, id: string) => {
      const found = await task.client.of('audit').read(pathOf(id), detection)
      task.show(found, () => wordsOf(found))
    },
  ).argument('<id>', 'id of the detection')

  const act = (name: string, about: string): Command =>
    serverCommand(name, about, world, version, async (task, _options, id: string) => {
      const changed = await task.client.of('audit').write('POST', `${pathOf(id)}/${name}`, detection)
      task.show(changed, () => wordsOf(changed))
    }).argument('<id>', 'id of the detection')

  const mute = serverCommand(
    'mute',
    'do not tell of it again, for a time or for good',
    world,
    version,
    async (task, { for: length }: { readonly for?: string }, id: string) => {
      const body = length === undefined ? {} : { for: length }
      const changed = await task.client.of('audit').write('POST', `${pathOf(id)}/mute`, detection, body)
      task.show(changed, () => wordsOf(changed))
    },
  )
    .argument('<id>', 'id of the detection')
    .option('--for <duration>', 'for so long, such as 8h or 30d; for good unless given')

  return new Command('detections')
    .description('what the rules of docs/detections.md found in requests')
    .addCommand(list)
    .addCommand(show)
    .addCommand(act('acknowledge', 'say that it was seen to: it is raised anew when it comes again after a day'))
    .addCommand(mute)
    .addCommand(act('unmute', 'end its mute: it is told of again, unless it was acknowledged'))
}

function pathOf(id: string): string {
  return `/detections/${encodeURIComponent(id)}`
}

function subjectOf({ subject }: Detection): string {
  return `${subject.kind} ${subject.id}`
}

function wordsOf(one: Detection): string {
  return facts({
    id: one.id,
    rule: one.rule,
    severity: one.severity,
    state: one.mutedUntil === null || one.state !== 'muted' ? one.state : `muted until ${one.mutedUntil}`,
    subject: subjectOf(one),
    ...(one.tenant === null ? {} : { tenant: one.tenant }),
    ...(one.connection === null ? {} : { connection: one.connection }),
    ...(one.environment == null ? {} : { environment: one.environment }),
    count: String(one.count),
    seen: `${one.firstSeen} to ${one.lastSeen}`,
    ...(one.requests.length === 0 ? {} : { requests: one.requests.join(', ') }),
    cause: one.cause,
    fix: one.fix,
  })
}
