import { newId, type NoticeKind } from '#libs/events/index'
import {
  accepted,
  type Moment,
  named,
  namedWithKeys,
  presentKey,
  running,
  type Situation,
  tell,
  type Turn,
  withRotation,
} from './rotation.ts'
import { day, daysAfter, dueOf } from './rotation-policy.ts'

/** Days before something is due on which it is told; from then on, where it is told daily, each day after. */
export const noticeDays = [30, 14, 7, 1, 0] as const

interface Due {
  readonly at: Date
  readonly kind: NoticeKind
  readonly daily: boolean
  /** Days before, from which on a notice makes sense: it began no earlier. */
  readonly within: number
}

/** What people have to be told of in time; undefined while nothing is due, or nobody can do anything about it. */
function dueNow(situation: Situation): Due | undefined {
  const { plan, connection } = situation
  const rotation = running(situation)
  if (connection.state === 'disabled') return undefined
  if (rotation !== undefined && rotation.cutOverAt === null) {
    const within = (rotation.dueAt.getTime() - rotation.startedAt.getTime()) / day
    return { at: rotation.dueAt, kind: 'unused-next', daily: plan.everyDays !== null, within }
  }
  const present = presentKey(situation)
  const due = present && dueOf(plan, present)
  if (due === undefined) return undefined
  const within = due.expires ? Number.POSITIVE_INFINITY : (plan.everyDays ?? 0)
  return { at: due.at, kind: due.expires ? 'expires' : 'due', daily: !due.expires, within }
}

/** The next instant at which a notice is due, when all that are due by now were told; now, where one waits for uses to be heard of. */
export function nextNotice(situation: Situation, moment: Moment): Date | undefined {
  const due = dueNow(situation)
  if (due === undefined) return undefined
  const level = levelAt(due, moment.now)
  if (isUntold(situation, due, level) && waits(due, moment)) return moment.now
  const next = noticeDays.find((days) => days < Math.min(level, due.within))
  if (next !== undefined) return daysAfter(due.at, -next)
  return due.daily ? daysAfter(due.at, 1 - level) : undefined
}

/** Of several notices that nobody was told of, the latest stands for all. */
export function raiseNotice(situation: Situation, moment: Moment): Turn | undefined {
  const due = dueNow(situation)
  if (due === undefined) return undefined
  const level = levelAt(due, moment.now)
  if (!isUntold(situation, due, level) || waits(due, moment)) return undefined
  const { plan } = situation
  const kind = level > 0 || (level === 0 && due.kind === 'unused-next' && !due.daily) ? due.kind : 'overdue'
  const days = level > 0 ? Math.ceil((due.at.getTime() - moment.now.getTime()) / day) : 0 - level
  return notify({ ...situation, plan: { ...plan, toldOf: due.at, told: level } }, kind, days, moment)
}

function isUntold({ plan: { toldOf, told } }: Situation, due: Due, level: number): boolean {
  const before = toldOf?.getTime() === due.at.getTime() ? told : null
  return level < due.within && level < (before ?? Number.POSITIVE_INFINITY)
}

/** Nobody is told that a key is unused before its uses until now are known. */
function waits({ kind }: Due, { heard }: Moment): boolean {
  return kind === 'unused-next' && heard !== 'yes'
}

/** The latest notice whose time has come, as days before it is due; below zero after it. */
function levelAt({ at, daily }: Due, now: Date): number {
  const left = (at.getTime() - now.getTime()) / day
  if (left <= 0) return daily ? 0 - Math.floor(-left) : 0
  return noticeDays.findLast((days) => left <= days) ?? Number.POSITIVE_INFINITY
}

/** A notice belongs to the running rotation, or to the one that will be started next. */
export function notify(situation: Situation, kind: NoticeKind, days: number, moment: Moment): Turn {
  const { plan, connection } = situation
  const rotation = running(situation)
  if (rotation !== undefined) {
    const after = { ...rotation, version: rotation.version + 1 }
    return {
      situation: withRotation(situation, after),
      events: [tell(after, 'rotation.notice', moment, { ...namedWithKeys(after), kind, days })],
    }
  }
  const id = plan.nextRotation ?? newId(moment.now.getTime())
  const version = plan.nextVersion + 1
  const coming = { id, version, tenant: connection.tenant, connection: connection.id }
  const from = (presentKey(situation) ?? accepted(situation)[0])?.kid ?? ''
  return {
    situation: { ...situation, plan: { ...plan, nextRotation: id, nextVersion: version } },
    events: [tell(coming, 'rotation.notice', moment, { ...named(coming), from, to: null, kind, days })],
  }
}
