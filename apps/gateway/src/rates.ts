import { LRUCache } from 'lru-cache'
import { type Address, networkOf } from '#libs/addresses/index'
import {
  type Counted,
  type Limiter,
  LookUps,
  memoryLimiter,
  type OwnLimiter,
  type Rate,
  type TooManyLookUps,
  Turns,
} from '#libs/rates/index'
import { RefusalRecords } from '#libs/eventlog/index'
import type { ScimError } from '#libs/scim/index'
import type { KnownKey } from './principal.ts'
import { type CodeOf, refusals } from './refusals.ts'
import type { KnownTrust } from './store/known-trust.ts'
import type { Passage, Presented } from './way-in.ts'

export interface RateLimits {
  /** Requests a second of one key, unless its policy says otherwise. */
  readonly perKey: number
  /** Requests a second of all keys of one connection. */
  readonly perConnection: number
  /** Requests within ten seconds from one network whose key has neither been proved nor heard of here. */
  readonly unproved: number
  /** Those of all networks that may be looked up in the database within a second and turn out to be bad. Half as many may have a wrong secret beside that. */
  readonly lookUps: number
  /** Requests refused as too many of those that are answered within a second, of proved keys and of all others each; the rest wait for their turn. */
  readonly refusals: number
}

/** Entra ID is promised 25 a second; what a window makes of an even stream of them may be a few more. */
const floor = (seconds: number): number => Math.ceil(30 * seconds)
const window = 2
/** What passes of a key in each second when a long window of its own rate is used up. */
const floorRate: Rate = { points: 30, seconds: 1 }
/** Seconds for which a key may have used up its rate at the most, whatever burst it is allowed. */
const longestWindow = 10

/** A refusal for what came before it. */
export interface Refusal {
  readonly error: ScimError
  /** How many were refused for the same since the last of them that left a record; undefined for one that leaves none. */
  readonly alike: number | undefined
  /** To be waited for before it is answered: false at once where too many wait already. */
  readonly turn: () => Promise<boolean>
}

interface RatesParts {
  /** Counts keys and connections, among all gateways. */
  readonly shared: Limiter
  /** Counts networks, for this gateway alone. */
  readonly own: OwnLimiter
  readonly trust: Pick<KnownTrust, 'hasHeardOf'>
  readonly limits: RateLimits
  /** Milliseconds. */
  readonly clock?: () => number
}

/** A request, as far as it is counted for its network. */
export type CountedRequest = Pick<Passage, 'counted'>

/** Has the request's record left out, or count those that were, and its answer wait for its turn. Gives what it is refused with as one of too many. */
export function asOneOfMany(passage: Passage, { error, alike, turn }: Refusal): ScimError {
  passage.alike = alike ?? 'left out'
  passage.turn = turn
  return error
}

/**
 * What is too much. A key that has been proved here, and is accepted, counts for itself and its connection, and nobody else can use up what these may have.
 * Everything else counts for the network that it comes from, and is refused before it is looked up, unless it names a key that has been heard of: of that no more
 * is known than that it may be good.
 */
export class Rates {
  /** Among all gateways. */
  readonly #shared: Limiter
  readonly #trust: Pick<KnownTrust, 'hasHeardOf'>
  /** Of keys that were proved here. Apart from networks, whose number others choose: where these are too many to be counted each for itself, keys go on being so. */
  readonly #floors: OwnLimiter = memoryLimiter()
  readonly #limits: RateLimits
  readonly #proved = new LRUCache<string, Allowed>({ max: 50_000 })
  /** Whose key is good does not wait behind those whose key is not. */
  readonly #turns: Readonly<Record<'proved' | 'unproved', Turns>>
  readonly #lookUps: LookUps
  readonly #wrongSecrets: Turns
  readonly #records: RefusalRecords

  constructor({ shared, own, trust, limits, clock = () => performance.now() }: RatesParts) {
    this.#shared = shared
    this.#trust = trust
    this.#limits = limits
    this.#records = new RefusalRecords(clock)
    const turns = (): Turns => new Turns({ perSecond: limits.refusals, longestWait: 30 }, clock)
    this.#turns = { proved: turns(), unproved: turns() }
    this.#lookUps = new LookUps(own, limits, clock)
    this.#wrongSecrets = new Turns({ perSecond: Math.max(1, Math.floor(limits.lookUps / 2)), longestWait: 1 }, clock)
  }

  /** Whether a key of that id has been proved or heard of here: looking it up is then worth it. */
  recognises(presented: Presented): boolean {
    return presented.kind !== 'fault' && (this.#proved.has(presented.kid) || this.#trust.hasHeardOf(presented.kid))
  }

  /** Why the body of a request that presents its key there is not to be read; counts it for its network. */
  async unread(request: CountedRequest, address: Address): Promise<Refusal | undefined> {
    return this.#countFor(request, await this.#lookUps.count(networkOf(address)))
  }

  /** What was counted of the request for its network takes nothing from what that and all may try: it is counted as what it has turned out to be. */
  async forgive(request: CountedRequest): Promise<void> {
    const { counted } = request
    if (counted === undefined) return
    delete request.counted
    await counted.giveBack()
  }

  /** Why a request that presents this is not to be looked into; counts it where its key has neither been proved nor heard of here. */
  async refusal(request: CountedRequest, presented: Presented, address: Address): Promise<Refusal | undefined> {
    const allowed = presented.kind !== 'fault' ? this.#proved.get(presented.kid) : undefined
    if (allowed === undefined) {
      if (this.recognises(presented)) return undefined
      return this.#countFor(request, await this.#lookUps.take(networkOf(address)))
    }
    const [byKey, byConnection] = await Promise.all([
      this.#shared.look(allowed.key, allowed.rate),
      this.#shared.look(allowed.connection, this.#ofConnection),
    ])
    const over =
      byKey === undefined || allowed.floor === undefined ? byKey : await this.#floors.look(allowed.floor, floorRate)
    if (over !== undefined) return this.#refuse(allowed.key, 'key-rate-exceeded', tooManyOf('this key'), over)
    if (byConnection === undefined) return undefined
    return this.#refuse(
      allowed.connection,
      'connection-rate-exceeded',
      tooManyOf('the keys of this connection'),
      byConnection,
    )
  }

  /** The request has proved this key, which is accepted. */
  async count(request: CountedRequest, { kid, connection, policy }: KnownKey): Promise<void> {
    if (request.counted !== undefined) await this.forgive(request)
    const rate = this.#ofKey(policy.rate)
    const allowed: Allowed = {
      key: `key ${kid}`,
      connection: `connection ${connection}`,
      rate,
      floor: rate.seconds > window ? `floor of ${kid}` : undefined,
    }
    this.#proved.set(kid, allowed)
    const [over] = await Promise.all([
      this.#shared.take(allowed.key, allowed.rate),
      this.#shared.take(allowed.connection, this.#ofConnection),
    ])
    if (over !== undefined && allowed.floor !== undefined) await this.#floors.take(allowed.floor, floorRate)
  }

  /** A request was refused that nothing else counts: it cost no query, and its record is to cost none either. Of a caller that has hung up the address is not known. */
  async failed(address: Address | undefined): Promise<Refusal | undefined> {
    const counted = await this.#lookUps.count(address === undefined ? 'unknown' : networkOf(address))
    if (counted.kind === 'too many') return this.#refuseUnknown(counted)
    if (await this.#wrongSecrets.take()) return undefined
    return this.#refuseUnknown({ from: 'all networks', subject: 'wrong secrets', milliseconds: 1_000 })
  }

  /** Nobody waits for a turn from now on. */
  end(): void {
    this.#turns.proved.end()
    this.#turns.unproved.end()
  }

  #countFor(request: CountedRequest, counted: Counted | TooManyLookUps): Refusal | undefined {
    if (counted.kind === 'too many') return this.#refuseUnknown(counted)
    request.counted = counted
    return undefined
  }

  #refuseUnknown({ from, subject, milliseconds }: Omit<TooManyLookUps, 'kind'>): Refusal {
    return from === 'this network'
      ? this.#refuse(subject, 'too-many-bad-keys', tooManyUnknown('from this network'), milliseconds)
      : this.#refuse(subject, 'too-many-unknown-keys', tooManyUnknown('here'), milliseconds)
  }

  #ofKey(own: KnownKey['policy']['rate']): Rate {
    if (own === null) return rateOf(this.#limits.perKey, window)
    const seconds = Math.min(longestWindow, Math.max(1, own.burst / own.perSecond))
    return rateOf(own.perSecond, seconds)
  }

  get #ofConnection(): Rate {
    return rateOf(this.#limits.perConnection, window)
  }

  #refuse(subject: string, code: CodeOf<'limited'>, cause: string, milliseconds: number): Refusal {
    const seconds = Math.max(1, Math.ceil(milliseconds / 1_000))
    const error = refusals.limited(code, `${cause} Send it again after ${seconds} s, and fewer at a time.`, seconds)
    const turns =
      this.#turns[code === 'key-rate-exceeded' || code === 'connection-rate-exceeded' ? 'proved' : 'unproved']
    // Who sends as fast as answers come is slowed down, and good requests do not wait behind all of that. Where too many wait it is answered at once.
    return { error, alike: this.#records.alike(subject), turn: () => turns.take() }
  }
}

interface Allowed {
  readonly key: string
  readonly connection: string
  readonly rate: Rate
  /** Counts what passes when a window that lasts long is used up. */
  readonly floor: string | undefined
}

function rateOf(perSecond: number, seconds: number): Rate {
  return { points: Math.max(Math.ceil(perSecond * seconds), floor(seconds)), seconds }
}

function tooManyOf(whose: string): string {
  return `More requests of ${whose} came than are taken in a short time. Its operator can allow more.`
}

function tooManyUnknown(where: string): string {
  return `Many requests came ${where} whose key is missing, wrong, not accepted or not known yet, so that this one was not looked into.`
}
