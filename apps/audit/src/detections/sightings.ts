import { networkIn, readAddress, siteOf } from '#libs/addresses/index'
import { type DetectionSubject, type Environment, isLetIn, type RequestDecided } from '#libs/events/index'
import { addressedConnection } from './addressed-connection.ts'
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
  /** How many users and groups it showed, where it is of those that show any. */
  readonly shown: number
  /** Whose the subject is, where that is known. */
  readonly tenant: string | null
  readonly connection: string | null
  readonly environment: Environment | null
  /** The site that it came from; undefined where its address cannot be read. */
  readonly network: string | undefined
  /** The key was proved, be it refused for what it is: whoever sent it has it. */
  readonly proved: boolean
  /** The key was accepted, so that its connection is alive. */
  readonly letIn: boolean
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
    for (const { subject, broken, owner, proved, letIn } of subjectsOf(decision, thresholds, surroundings)) {
      const key = `${subject.kind} ${subject.id}`
      let known = seen.get(key)
      if (known === undefined) seen.set(key, (known = { subject, sightings: [] }))
      known.sightings.push({
        request: decision.requestId,
        at,
        count: 1 + (decision.alike ?? 0),
        shown: decision.shown ?? 0,
        ...owner,
        network,
        proved,
        letIn,
        broken,
      })
    }
  }
  for (const { sightings } of seen.values()) sightings.sort((one, other) => one.at - other.at)
  return [...seen.values()]
}

/** A subject that a request tells something of. */
interface Told extends Pick<Sighting, 'proved' | 'letIn'> {
  readonly subject: Subject
  /** The rules that the request breaks. */
  readonly broken: RuleCode[]
  readonly owner: Pick<Sighting, 'tenant' | 'connection' | 'environment'>
}

function subjectsOf(decision: RequestDecided, thresholds: Thresholds, surroundings: Surroundings): Told[] {
  const { kid, tenant, connection, environment } = decision
  const told = (subject: Subject): Told => ({
    subject,
    broken: [],
    owner: { tenant, connection, environment },
    proved: kid !== null,
    letIn: isLetIn(decision),
  })
  const key = kid === null ? undefined : told({ kind: 'key', id: kid })
  const place = told(
    connection === null ? { kind: 'address', id: networkIn(decision.address) } : { kind: 'connection', id: connection },
  )
  const addressed = addressedIn(decision, surroundings)
  for (const code of thresholds.keys()) {
    const rule = ruleOf(code)
    if (rule.kind !== 'burst' || !breaks(rule, decision, surroundings)) continue
    if (rule.of === 'addressed connection') addressed?.broken.push(code)
    else (rule.of === 'key' && key !== undefined ? key : place).broken.push(code)
  }
  // Of a place nothing is to be known unless its key was proved, or it breaks a rule.
  return [key, place, addressed].flatMap((each) =>
    each !== undefined && (each.proved || each.broken.length > 0) ? [each] : [],
  )
}

/** The connection that the request is addressed to, as one that its owner is told of: no key of it was proved. Undefined where it is not known. */
function addressedIn(decision: RequestDecided, { placeOf }: Surroundings): Told | undefined {
  const id = addressedConnection(decision)
  const place = placeOf(id)
  if (place === undefined) return undefined
  const owner = { ...place, connection: id }
  return { subject: { kind: 'connection', id }, broken: [], owner, proved: false, letIn: false }
}

function siteAt(text: string): string | undefined {
  const address = readAddress(text)
  return address === undefined ? undefined : siteOf(address)
}
