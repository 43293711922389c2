import { Body, Get, HttpCode, Inject, Param, Post, Query } from '@nestjs/common'
import { type About, aboutNothing, AdminApi, type AdminCall, Call } from '#libs/admin/index'
import { isId } from '#libs/events/index'
import { type Page, pageOf, problems } from '#libs/http/index'
import { acknowledge, type Decided, type Detection, mute, stateAt, unmute } from '../detections/detection.ts'
import { ruleOf } from '../detections/rules.ts'
import { AUDIT_PARTS, type AuditParts } from '../parts.ts'
import { findDetection, findDetections, lockDetection, storeDetections } from '../store/detections.ts'
import { readDetectionsQuery, readMute } from './queries.ts'
import { Writes } from './writes.ts'

/** What the rules of detections found, for whose admin token opens it. */
@AdminApi('detections')
export class DetectionsController {
  readonly #parts: AuditParts
  readonly #writes: Writes

  constructor(@Inject(AUDIT_PARTS) parts: AuditParts, writes: Writes) {
    this.#parts = parts
    this.#writes = writes
  }

  /** What was raised last comes first. */
  @Get()
  async list(@Call() call: AdminCall, @Query() query: unknown): Promise<Page<object>> {
    const { filter, paging } = readDetectionsQuery(query)
    const now = this.#parts.clock()
    const among = { ...filter, tenants: call.actor.tenants ?? undefined }
    const found = await findDetections(this.#parts.database, among, paging.limit + 1, paging.after, now)
    return pageOf(
      found,
      paging,
      ({ raisedAt, id }) => [raisedAt.toISOString(), id],
      (detection) => answerOf(detection, now),
    )
  }

  @Get(':detection')
  async show(@Call() call: AdminCall, @Param('detection') id: string) {
    const detection = isId(id) ? await findDetection(this.#parts.database, id) : undefined
    if (detection === undefined) throw unknown(id)
    call.about = aboutDetection(detection)
    return answerOf(detection, this.#parts.clock())
  }

  /** Somebody has seen to it: it is told anew when it comes again after a day without it. */
  @Post(':detection/acknowledge')
  @HttpCode(200)
  acknowledge(@Call() call: AdminCall, @Param('detection') id: string) {
    return this.#change(call, id, acknowledge)
  }

  /** It counts on, and is not told again, for the time given or for good. */
  @Post(':detection/mute')
  @HttpCode(200)
  mute(@Call() call: AdminCall, @Param('detection') id: string, @Body() body: unknown) {
    const length = readMute(body)
    return this.#change(call, id, (detection, now) =>
      mute(detection, length === undefined ? null : new Date(now.getTime() + length), now),
    )
  }

  /** It is again what it was before the mute: told anew when it comes again, or acknowledged. */
  @Post(':detection/unmute')
  @HttpCode(200)
  unmute(@Call() call: AdminCall, @Param('detection') id: string) {
    return this.#change(call, id, unmute)
  }

  async #change(call: AdminCall, id: string, act: (before: Detection, now: Date) => Decided | undefined) {
    const found = isId(id) ? await findDetection(this.#parts.database, id) : undefined
    if (found === undefined) throw unknown(id)
    const { body } = await this.#writes.run(call, found.tenant ?? '', async (transaction, now) => {
      const before = await lockDetection(transaction, id)
      if (before === undefined) throw unknown(id)
      const about = aboutDetection(before)
      const decided = act(before, now)
      if (decided === undefined) return { about, events: [], body: answerOf(before, now) }
      const { detection, event } = decided
      storeDetections(transaction, [detection])
      return { about, events: [event], changed: ['state'], body: answerOf(detection, now) }
    })
    return body
  }
}

function aboutDetection({ id, tenant, connection, environment }: Detection): About {
  return { ...aboutNothing, tenant, connection, environment, subject: { kind: 'detection', id } }
}

function answerOf(detection: Detection, now: Date) {
  const { severity, cause, fix } = ruleOf(detection.rule)
  const state = stateAt(detection, now)
  return {
    id: detection.id,
    rule: detection.rule,
    severity,
    state,
    mutedUntil: state === 'muted' ? (detection.mutedUntil?.toISOString() ?? null) : null,
    acknowledgedAt: detection.acknowledgedAt?.toISOString() ?? null,
    tenant: detection.tenant,
    connection: detection.connection,
    environment: detection.environment,
    subject: { ...detection.subject },
    count: detection.count,
    firstSeen: detection.firstSeen.toISOString(),
    lastSeen: detection.lastSeen.toISOString(),
    raisedAt: detection.raisedAt.toISOString(),
    raised: detection.raised,
    requests: detection.requests,
    cause,
    fix,
  }
}

function unknown(id: string) {
  return problems.notFound('detection', id)
}
