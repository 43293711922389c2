import { z } from 'zod'
import { type Environment, environments } from '#libs/events/index'
import { mostRequests } from './detection.ts'
import { fromNewNetworks, fromSeveralNetworks, type Networks, remember, type Use } from './networks.ts'
import { type RuleCode, ruleOf } from './rules.ts'
import type { Seen, Sighting, Subject } from './sightings.ts'
import type { Thresholds } from './thresholds.ts'
import { dueAt, hear } from './traffic.ts'
import { count } from './window.ts'

const number = z.number()

/** What is remembered of one subject, as it is stored. */
export const watched = z.object({
  /** Of each rule that requests break by themselves. */
  counts: z
    .record(
      z.string(),
      z.object({
        width: number,
        parts: z.array(z.tuple([number, number, number])),
        /** The last of them, and when they came. */
        requests: z.array(z.tuple([z.string(), number])).optional(),
      }),
    )
    .optional(),
  networks: z.record(z.string(), z.tuple([number, number])).optional(),
  /** Of a key whose place another took: when, and how often it was used long after. */
  retired: z.object({ at: number, uses: number }).optional(),
  traffic: z
    .object({ last: number, pauses: z.array(z.tuple([number, number])), told: z.boolean().optional() })
    .optional(),
  /** Of a connection, as far as the keys service told of it. */
  connection: z.object({ environment: z.enum(environments), enabled: z.boolean() }).optional(),
})
export type Watched = z.infer<typeof watched>

/** A subject broke a rule, as often as it takes. */
export interface Occurrence {
  readonly rule: RuleCode
  readonly subject: Subject
  readonly tenant: string | null
  readonly connection: string | null
  readonly environment: Environment | null
  /** How often it was broken within the window, by these requests and earlier ones, and how often by these. */
  readonly total: number
  readonly fresh: number
  readonly first: number
  readonly last: number
  /** Ids of these, by time. */
  readonly requests: readonly string[]
  /** Ids of the last of the earlier ones. */
  readonly earlier: readonly string[]
}

/** What is known of a subject after a batch, and which rules it broke thereby. */
export function watch(
  before: Watched,
  { subject, sightings }: Seen,
  thresholds: Thresholds,
): { readonly after: Watched; readonly occurrences: Occurrence[] } {
  const occurrences: Occurrence[] = []
  const tell = (
    rule: RuleCode,
    of: readonly Sighting[],
    reached?: { total: number; first: number },
    earlier: readonly string[] = [],
  ): void => {
    const [first, last] = [of[0], of.at(-1)]
    if (first === undefined || last === undefined) return
    const { tenant, connection, environment } = last
    const fresh = sum(of)
    const { total, first: begun } = reached ?? { total: fresh, first: first.at }
    const requests = of.map(({ request }) => request)
    const about = { rule, subject, tenant, connection, environment }
    occurrences.push({ ...about, total, fresh, first: begun, last: last.at, requests, earlier })
  }

  const counts = { ...before.counts }
  for (const code of new Set(sightings.flatMap(({ broken }) => broken))) {
    const threshold = thresholds.get(code)
    if (threshold === undefined) continue
    const these = countedFor(
      code,
      sightings.filter(({ broken }) => broken.includes(code)),
    )
    const counted = count(counts[code], these, threshold)
    const known = counts[code]?.requests ?? []
    const requests = [...known, ...these.map(({ request, at }): [string, number] => [request, at])].slice(-mostRequests)
    counts[code] = { ...counted.after, parts: counted.after.parts.map((part) => [...part]), requests }
    const { reached } = counted
    if (reached === undefined) continue
    const earlier = known.filter(([, at]) => at >= reached.first).map(([request]) => request)
    tell(code, these, reached, earlier)
  }
  const after: Watched = Object.keys(counts).length === 0 ? { ...before } : { ...before, counts }
  const uses = sightings.filter(({ proved }) => proved)
  if (uses.length > 0 && subject.kind === 'key') watchKey(before, after, uses, thresholds, tell)
  const heard = sightings.filter(({ letIn }) => letIn)
  if (heard.length > 0 && subject.kind === 'connection') {
    const traffic = hear(
      before.traffic,
      heard.map(({ at }) => at),
    )
    after.traffic = { ...traffic, pauses: traffic.pauses.map((pause) => [...pause]) }
  }
  return { after, occurrences }
}

function watchKey(
  before: Watched,
  after: Watched,
  sightings: readonly Sighting[],
  thresholds: Thresholds,
  tell: (rule: RuleCode, of: readonly Sighting[], reached?: { total: number; first: number }) => void,
): void {
  const uses = sightings.flatMap(({ network, at }): Use[] => (network === undefined ? [] : [{ network, at }]))
  const known: Networks = before.networks ?? {}
  const told = (rule: 'new-network' | 'several-networks', find: typeof fromNewNetworks): void => {
    const threshold = thresholds.get(rule)
    if (threshold === undefined) return
    const networks = new Set(find(known, uses, threshold).map(({ network }) => network))
    const these = sightings.filter(({ network }) => network !== undefined && networks.has(network))
    tell(rule, these)
  }
  told('new-network', fromNewNetworks)
  told('several-networks', fromSeveralNetworks)
  after.networks = Object.fromEntries(
    Object.entries(remember(known, uses)).map(([network, [first, last]]) => [network, [first, last]]),
  )
  const retiring = thresholds.get('retiring-key-used')
  if (before.retired === undefined || retiring === undefined) return
  const { at, uses: earlier } = before.retired
  const late = sightings.filter((sighting) => sighting.at > at + retiring.window)
  const total = earlier + sum(late)
  after.retired = { at, uses: total }
  if (late.length > 0 && total >= retiring.count) tell('retiring-key-used', late, { total, first: late[0]?.at ?? at })
}

/** A connection is so since then. One that is enabled again has as long as any other until it is silent, whatever it was before. */
export function becomes(before: Watched, connection: NonNullable<Watched['connection']>, since: Date): Watched {
  const { traffic } = before
  const isBack = before.connection?.enabled === false && connection.enabled
  if (traffic === undefined || !isBack) return { ...before, connection }
  const { told: _told, ...known } = traffic
  return { ...before, connection, traffic: { ...known, last: Math.max(known.last, since.getTime()) } }
}

/** Each as often as the rule counts it. */
function countedFor(code: RuleCode, sightings: readonly Sighting[]): readonly Sighting[] {
  const rule = ruleOf(code)
  if (rule.kind !== 'burst' || rule.counts === undefined) return sightings
  return sightings.map((sighting) => ({ ...sighting, count: Math.max(sighting.count, sighting.shown) }))
}

function sum(sightings: readonly Sighting[]): number {
  return sightings.reduce((total, { count: more }) => total + more, 0)
}

/** When a connection is to be asked for whether it has fallen silent; undefined while there is nothing to ask. */
export function silentFrom({ traffic, connection }: Watched, thresholds: Thresholds): number | undefined {
  const threshold = thresholds.get('silence')
  if (traffic === undefined || threshold === undefined || connection?.enabled === false) return undefined
  return dueAt(traffic, threshold)
}

/** The silence of a connection, told once. */
export function fallSilent(
  before: Watched,
  of: { readonly subject: Subject; readonly tenant: string | null },
  now: Date,
): { readonly after: Watched; readonly occurrence: Occurrence | undefined } {
  const { traffic } = before
  if (traffic === undefined) return { after: before, occurrence: undefined }
  return {
    after: { ...before, traffic: { ...traffic, told: true } },
    occurrence: {
      ...of,
      rule: 'silence',
      connection: of.subject.id,
      environment: before.connection?.environment ?? null,
      total: 1,
      fresh: 1,
      first: traffic.last,
      last: now.getTime(),
      requests: [],
      earlier: [],
    },
  }
}
