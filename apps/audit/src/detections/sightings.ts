import { networkIn, readAddress, siteOf } from '#libs/addresses/index'
import type { DetectionSubject, Environment, RequestDecided } from '#libs/events/index'
import { breaks, type Surroundings } from './rule.ts'
import { type RuleCode, ruleOf } from './rules.ts'
import type { Thresholds } from './thresholds.ts'

/** Whom rules are broken by. */
export interface Subject {
  readonly kind: DetectionSubject
  readonly id: string
}

/** What one request tells of one subject. */
export interface Sighting {
  readonly request: string
  /** Milliseconds; never later than now, whatever the clock of its gateway says. */
  readonly at: number
  /** How many requests it stands for: more than itself where it tells of others that were refused alike and left no record. */
  readonly count: number
  /** Whose the subject is, where that is known. */
  readonly tenant: string | null
  readonly connection: string | null
  readonly environment: Environment | null
  /** The site that it came from; undefined where its address cannot be read. */
  readonly network: string | undefined
  /** The key was proved: it is a use of it, and its connection is alive. */
  readonly proved: boolean
  /** Which rules it breaks by itself. */
  readonly broken: readonly RuleCode[]
}

/** All that a batch of requests tells of one subject, by time. */
export interface Seen {
  readonly subject: Subject
  readonly sightings: readonly Sighting[]
}

/** What requests tell, of each subject once. What an operator did or sent again tells of nobody. */
export function seenIn(
  decisions: readonly RequestDecided[],
  thresholds: Thresholds,
  surroundings: Surroundings,
  now: Date,
): Seen[] {
  const seen = new Map<string, Seen & { readonly sightings: Sighting[] }>()
  for (const decision of decisions) {
    if (decision.surface !== 'scim' || decision.replayOf !== undefined) continue
    const at = Math.min(Date.parse(decision.receivedAt), now.getTime())
    const network = siteAt(decision.address)
    for (const [subject, broken] of subjectsOf(decision, thresholds, surroundings)) {
      const key = `${subject.kind} ${subject.id}`
      let known = seen.get(key)
      if (known === undefined) seen.set(key, (known = { subject, sightings: [] }))
      known.sightings.push({
        request: decision.requestId,
        at,
        count: 1 + (decision.alike ?? 0),
        tenant: decision.tenant,
        connection: decision.connection,
        environment: decision.environment,
        network,
        proved: decision.kid !== null,
        broken,
      })
    }
  }
  for (const { sightings } of seen.values()) sightings.sort((one, other) => one.at - other.at)
  return [...seen.values()]
}

/** Each subject that the request tells something of, with the rules that it breaks. */
function subjectsOf(
  decision: RequestDecided,
  thresholds: Thresholds,
  surroundings: Surroundings,
): (readonly [Subject, RuleCode[]])[] {
  const { kid, connection } = decision
  const key: [Subject, RuleCode[]] | undefined = kid === null ? undefined : [{ kind: 'key', id: kid }, []]
  const place: [Subject, RuleCode[]] = [
    connection === null ? { kind: 'address', id: networkIn(decision.address) } : { kind: 'connection', id: connection },
    [],
  ]
  for (const code of thresholds.keys()) {
    const rule = ruleOf(code)
    if (rule.kind !== 'burst' || !breaks(rule, decision, surroundings)) continue
    const [, broken] = rule.of === 'key' && key !== undefined ? key : place
    broken.push(code)
  }
  // Of a place nothing is to be known unless its key was proved, or it breaks a rule.
  const places = key !== undefined || place[1].length > 0 ? [place] : []
  return key === undefined ? places : [key, ...places]
}

function siteAt(text: string): string | undefined {
  const address = readAddress(text)
  return address === undefined ? undefined : siteOf(address)
}
