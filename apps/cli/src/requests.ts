import { Command, Option } from 'commander'
import { type DecidedRequest, decidedRequest, decidedRequests, replayedRequest } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { limitOption } from './limit-option.ts'
import { ago, facts, table } from './words.ts'

interface ListOptions {
  readonly connection?: string
  readonly environment?: string
  readonly outcome?: string
  readonly limit: number
}

export function requestsCommand(world: World, version: string): Command {
  const list = serverCommand(
    'list',
    'list requests and what became of them, the newest first',
    world,
    version,
    async ({ client, show }, { connection, environment, outcome, limit }: ListOptions) => {
      const query = new URLSearchParams({
        limit: String(limit),
        ...(connection === undefined ? {} : { connection }),
        ...(environment === undefined ? {} : { environment }),
        ...(outcome === undefined ? {} : { outcome }),
      })
      const { items } = await client.of('audit').read(`/audit/v1/records?${query.toString()}`, decidedRequests)
      const now = new Date()
      show(items, () =>
        items.length === 0
          ? 'There are no such requests.\n'
          : table(
              ['ID', 'RECEIVED', 'OPERATION', 'STATUS', 'CODE', 'DEVIATIONS'],
              items.map((one) => [
                one.id,
                ago(one.receivedAt, now),
                one.operation ?? `${one.method} ${one.path}`,
                String(one.status),
                one.code ?? '',
                String(one.deviations.length),
              ]),
            ),
      )
    },
  )
    .option('--connection <id>', 'of one connection')
    .addOption(
      new Option('--environment <environment>', 'of live or of sandbox connections').choices(['live', 'sandbox']),
    )
    .option('--outcome <outcome>', 'accepted, refused or failed')
    .addOption(limitOption().default(20))

  const show = serverCommand(
    'show',
    'show one request: each step, what deviated from the standard, and how to mend it',
    world,
    version,
    async (task, _options, id: string) => {
      const request = await task.client.of('audit').read(`/audit/v1/records/${encodeURIComponent(id)}`, decidedRequest)
      task.show(request, () => wordsOf(request))
    },
  ).argument('<id>', 'id of the request')

  const replay = serverCommand(
    'replay',
    'send a request of a sandbox again, with other names in it',
    world,
    version,
    async (task, { dryRun }: { readonly dryRun?: boolean }, id: string) => {
      const path = `/requests/${encodeURIComponent(id)}/replay`
      const answer = await task.client
        .of('gateway')
        .writeOnce('POST', path, replayedRequest, { dryRun: dryRun === true })
      task.show(answer, () => {
        const { request, response } = answer
        const sent = {
          request: answer.requestId,
          sent: `${request.method} ${request.path}`,
          status: String(response.status),
        }
        return `${facts(sent)}${response.body === undefined ? '' : `${JSON.stringify(response.body, null, 2)}\n`}`
      })
    },
  )
    .argument('<id>', 'id of the request')
    .option('--dry-run', 'tell what would happen, and write nothing')

  return [list, show, replay].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('requests').description('what came in, what became of it, and why'),
  )
}

function wordsOf(request: DecidedRequest): string {
  const told = facts({
    id: request.id,
    received: request.receivedAt,
    request: `${request.method} ${request.path}`,
    from: request.userAgent === null ? request.address : `${request.address}, ${request.userAgent}`,
    ...(request.actor === undefined ? {} : { by: `admin token ${request.actor}` }),
    ...(request.environment == null ? {} : { environment: request.environment }),
    status: `${request.status}${request.code === null ? '' : ` ${request.code}`}`,
    ...(request.dialect === undefined ? {} : { dialect: request.dialect }),
    ...(request.detail === null ? {} : { why: request.detail }),
    ...(request.changed.length === 0 ? {} : { changed: request.changed.join(', ') }),
    ...(request.dryRun === undefined ? {} : rehearsed(request.dryRun)),
  })
  const steps = table(
    ['STEP', 'DECISION', 'MICROSECONDS'],
    request.steps.map(({ step, decision, code, microseconds }) => [
      step,
      code === undefined ? decision : `${decision}: ${code}`,
      String(microseconds),
    ]),
  )
  const deviations = request.deviations.map(
    ({ code, pointer, cause, fix, setting }) =>
      `${facts({
        deviation: code,
        at: pointer === '' ? 'the body' : pointer,
        ...(cause === undefined ? {} : { cause }),
        ...(fix === undefined ? {} : { fix }),
        ...(setting === undefined ? {} : { setting }),
      })}`,
  )
  return [told, steps, ...deviations].join('\n')
}

function rehearsed({ changed, events }: NonNullable<DecidedRequest['dryRun']>) {
  return {
    'dry run': 'nothing of it was stored',
    'would change': changed.join(', ') || 'nothing',
    'would publish': events.join(', ') || 'nothing',
  }
}
