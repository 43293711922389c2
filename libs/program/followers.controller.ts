import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { z } from 'zod'
import { AdminApi, type AdminCall, type AdminPart, Call, KeptAnswers } from '#libs/admin/index'
import type { DeadLetter, Follower, FollowerState } from '#libs/eventlog/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import { parse, problems } from '#libs/http/index'
import type { Logger } from '#libs/telemetry/index'

/** Nest provider: the followers of this process. */
export const FOLLOWERS = Symbol('FOLLOWERS')
/** Nest provider: where it is told that dead letters were replayed. */
export const FOLLOWERS_LOG = Symbol('FOLLOWERS_LOG')

export const followersOperations = {
  'GET /admin/v1/followers': 'followers.list',
  'GET /admin/v1/followers/:group/dead-letters': 'deadLetters.list',
  'POST /admin/v1/followers/:group/dead-letters/replay': 'deadLetters.replay',
} as const

const listQuery = z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(1_000) })
/** Few enough to be done within the time that a caller waits. */
const replayBody = z.strictObject({ ids: z.array(z.uuid()).min(1).max(50) })

const followersShown = z.object({ items: z.array(z.object({ group: z.string(), state: z.string() })) })
const deadLettersShown = z.object({
  items: z.array(
    z.object({ id: z.string(), name: z.string(), key: z.string(), reason: z.string(), buriedAt: z.iso.datetime() }),
  ),
})
const replayed = z.object({ applied: z.array(z.string()), stillDead: z.array(z.string()) })

export const followersPart: AdminPart<typeof followersOperations> = {
  service: 'each',
  operations: followersOperations,
  described: {
    'GET /admin/v1/followers': {
      scope: 'followers:read',
      concerns: 'all',
      summary: 'List the followers of the event log in this program',
      answers: { 200: followersShown },
    },
    'GET /admin/v1/followers/:group/dead-letters': {
      scope: 'dead-letters:read',
      concerns: 'all',
      summary: 'List what a follower could not apply',
      query: listQuery,
      answers: { 200: deadLettersShown },
      refusals: ['notFound'],
    },
    'POST /admin/v1/followers/:group/dead-letters/replay': {
      scope: 'dead-letters:replay',
      concerns: 'all',
      summary: 'Apply dead letters again; one that is gone meanwhile is passed over',
      body: replayBody,
      answers: { 200: replayed },
      refusals: ['notFound'],
      idempotent: true,
    },
  },
}

interface Items<T> {
  readonly items: readonly T[]
}

/** What the followers of this process could not apply, and doing so again. No payload is ever answered: it tells of people. */
@AdminApi('followers')
export class FollowersController {
  readonly #servers: readonly EventLogServer[]
  readonly #logger: Logger

  constructor(@Inject(FOLLOWERS) servers: readonly EventLogServer[], @Inject(FOLLOWERS_LOG) logger: Logger) {
    this.#servers = servers
    this.#logger = logger
  }

  @Get()
  list(): Items<{ readonly group: string; readonly state: FollowerState | 'not started' }> {
    return { items: this.#servers.map(({ group, follower }) => ({ group, state: follower?.state ?? 'not started' })) }
  }

  /** The oldest first, at most `limit` of them: 1,000 unless told, and never more. */
  @Get(':group/dead-letters')
  async deadLetters(@Param('group') group: string, @Query() query: unknown): Promise<Items<DeadLetter>> {
    const { limit } = parse(listQuery, query)
    return { items: await this.#follower(group).deadLetters(limit) }
  }

  /**
   * Applies at most 50 of them again, oldest first, each in its own transaction. One that is gone meanwhile is in neither list, so
   * that the request may be sent again.
   */
  @Post(':group/dead-letters/replay')
  @HttpCode(200)
  async replay(@Call() call: AdminCall, @Param('group') group: string, @Body() body: unknown) {
    const { ids } = parse(replayBody, body)
    const { database, schema } = this.#server(group)
    const follower = this.#follower(group)
    const kept = new KeptAnswers(schema)
    const { body: answer } = await kept.around(
      database,
      call,
      '',
      () => new Date(),
      async () => {
        const { applied, stillDead } = await follower.replay(ids)
        this.#logger.info({ group, applied, stillDead }, 'dead letters were replayed')
        call.events = applied
        return { applied, stillDead }
      },
    )
    return answer
  }

  #server(group: string): EventLogServer {
    const server = this.#servers.find((each) => each.group === group)
    if (server !== undefined) return server
    const known = this.#servers.map((each) => each.group).join(', ')
    throw problems.notHere(`Nothing here follows as ${JSON.stringify(group)}. This process follows as: ${known}.`)
  }

  #follower(group: string): Follower {
    const { follower } = this.#server(group)
    if (follower === undefined) throw problems.unavailable('It does not follow yet. Try again shortly.', 1)
    return follower
  }
}
