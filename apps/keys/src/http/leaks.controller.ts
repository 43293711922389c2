import { Body, Controller, Get, Header, HttpCode, Inject, Post } from '@nestjs/common'
import { z } from 'zod'
import { aboutNothing, type AdminCall, bootstrapId, Call } from '#libs/admin/index'
import {
  adminTokenFormat,
  type Kid,
  keyFormat,
  matches,
  readAdminToken,
  readKey,
  type Secret,
  type StoredDigest,
  type TokenId,
} from '#libs/credentials/index'
import { parse } from '#libs/http/index'
import type { EntityManager } from '#libs/postgres/index'
import { type AdminToken, revokeToken, tokenRevoked } from '../admin-token.ts'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { keyOf } from '../rotation.ts'
import { lockSituation, lockSituations } from '../store/situations.ts'
import { keysNamed } from '../store/named-keys.ts'
import { lockToken, tokensNamed, updateToken } from '../store/tokens.ts'
import { aboutKey, aboutToken } from './answers.ts'
import { end, KeyActs } from './key-acts.ts'
import { type Ended, notRevocable, recordOf } from './leak-records.ts'
import { ReportLookUps } from './report-look-ups.ts'
import { Writes } from './writes.ts'

/** Keys that one report may name. */
const mostKeys = 100

const token = z.looseObject({ token: z.string() })
/** `keys`, or the list that secret scanning of GitHub sends to its partners. */
export const leakReport = z.union(
  [
    z.strictObject({ keys: z.array(z.string()).min(1).max(mostKeys) }).transform(({ keys }) => keys),
    z
      .array(token)
      .min(1)
      .max(mostKeys)
      .transform((tokens) => tokens.map((one) => one.token)),
  ],
  { error: `must be {"keys": [...]} or a list of {"token": ...}, with 1 to ${mostKeys} keys` },
)

type Outcome = Ended['outcome'] | 'not a key of this installation'

/**
 * Whoever holds a key or an admin token may revoke it with it, without any other token: who finds one must not have to find its owner first. Of what
 * does not prove itself nothing is told but that. The first token, that of the data folder, is not revoked but replaced in its file: whoever reports it is told so, and
 * the record names it.
 */
@Controller()
export class LeaksController {
  readonly #parts: KeysParts
  readonly #writes: Writes
  readonly #acts: KeyActs
  readonly #lookUps = new ReportLookUps()

  constructor(@Inject(KEYS_PARTS) parts: KeysParts, @Inject(Writes) writes: Writes, @Inject(KeyActs) acts: KeyActs) {
    this.#parts = parts
    this.#writes = writes
    this.#acts = acts
  }

  /**
   * 200 with an outcome for each key, in their order. All are revoked in one transaction; a report that proves none, or none but what is revoked already,
   * takes no lock, and counts and is recorded as a call without a token. No Idempotency-Key is heeded: what is kept under one must not be anybody's to
   * fill, and to report again does no harm.
   */
  @Post('leaks')
  @HttpCode(200)
  async report(@Call() call: AdminCall, @Body() body: unknown) {
    const texts = parse(leakReport, body).map((text) => text.trim())
    const reported = texts.map(readReported)
    const isLookedUp = reported.some(({ kind }) => kind !== 'fault')
    const counted = isLookedUp ? await this.#lookUps.take(call.address) : undefined
    const keys = await this.#provedKeys(reported)
    const tokens = await this.#provedTokens(reported)
    const bootstrap = this.#bootstrapAmong(reported, texts)
    const results = (outcomes: ReadonlyMap<string, Outcome>) => reported.map((one) => resultOf(one, outcomes))
    const unchanged = new Map([...revokedBefore(keys, tokens), ...bootstrap])
    if (unchanged.size === keys.length + tokens.length + bootstrap.size) {
      call.about = { ...aboutNothing, ...recordOf([...unchanged.values()]).about }
      return { results: results(outcomesOf(unchanged)) }
    }
    const { body: answer } = await this.#writes.run(call, undefined, async (manager, now) => {
      await lockSituations(manager, keys)
      const ended = new Map(bootstrap)
      for (const known of keys) ended.set(`key ${known.kid}`, await this.#endKey(manager, call, now, known))
      for (const known of tokens) ended.set(`admin-token ${known.id}`, await endToken(manager, call, now, known))
      return { ...recordOf([...ended.values()]), body: { results: results(outcomesOf(ended)) } }
    })
    this.#parts.admission.tokens.forget(tokens.map(({ id }) => id))
    if (answer.results.some(({ outcome }) => outcome === 'revoked')) await counted?.giveBack()
    return answer
  }

  /** What scanners look for, and where they report it. */
  @Get('.well-known/latchkey-key-format')
  @Header('cache-control', 'public, max-age=86400')
  format() {
    return {
      name: 'Latchkey provisioning key',
      pattern: keyFormat.source,
      examplePrefix: ['lk_live_', 'lk_test_'],
      others: [{ name: 'Latchkey admin token', pattern: adminTokenFormat.source, examplePrefix: ['lka_'] }],
      checksum:
        'The last 6 characters are CRC-32 (IEEE) of everything before the last underscore, in base62 (0-9A-Za-z), most significant digit first, filled up with zeros.',
      report: '/leaks',
    }
  }

  async #endKey(manager: EntityManager, call: AdminCall, now: Date, known: ProvisioningKey): Promise<Ended> {
    const [about, before] = [aboutKey(known), await lockSituation(manager, known.connection, known.kid)]
    // Its connection was deleted since the key was proved, and its keys were revoked with that.
    if (before === undefined) return { about, outcome: 'revoked before', events: [] }
    const { done, events } = await this.#acts.perform(manager, call, now, before, (situation, moment) => {
      const isRevoked = keyOf(situation, known.kid).state === 'revoked'
      return { ...(isRevoked ? { situation, events: [] } : end(situation, known, 'revoke', moment)), isRevoked }
    })
    return { about, outcome: done.isRevoked ? 'revoked before' : 'revoked', events }
  }

  #bootstrapAmong(reported: readonly Reported[], texts: readonly string[]): ReadonlyMap<string, Ended> {
    const found = new Map<string, Ended>()
    for (const [place, one] of reported.entries()) {
      if (one.kind !== 'admin-token' || !this.#parts.admission.isBootstrap(texts[place] ?? '')) continue
      const about = { subject: { kind: 'admin-token', id: bootstrapId } }
      found.set(`admin-token ${one.id}`, { about, outcome: notRevocable, events: [] })
    }
    return found
  }

  /** Each once. */
  async #provedKeys(reported: readonly Reported[]): Promise<ProvisioningKey[]> {
    const whole = reported.flatMap((one) => (one.kind === 'key' ? [one] : []))
    const kids = whole.map(({ kid }) => kid)
    return this.#proved(whole, await keysNamed(this.#parts.entities.manager, kids), ({ kid }) => kid)
  }

  /** Each once, in the order in which they are locked. */
  async #provedTokens(reported: readonly Reported[]): Promise<AdminToken[]> {
    const whole = reported.flatMap((one) => (one.kind === 'admin-token' ? [one] : []))
    const ids = whole.map(({ id }) => id)
    const proved = this.#proved(whole, await tokensNamed(this.#parts.entities.manager, ids), ({ id }) => id)
    return proved.sort((one, other) => (one.id < other.id ? -1 : 1))
  }

  #proved<Presented extends { readonly secret: Secret }, Id extends Kid | TokenId, Known extends StoredDigest>(
    presented: readonly Presented[],
    named: ReadonlyMap<Id, Known>,
    idOf: (one: Presented) => Id,
  ): Known[] {
    const { peppers } = this.#parts
    const proved = new Map<Id, Known>()
    for (const one of presented) {
      const known = named.get(idOf(one))
      if (matches(peppers, known, one.secret) && known !== undefined) proved.set(idOf(one), known)
    }
    return [...proved.values()]
  }
}

/** Those of them that have been revoked, which none ceases to be. */
function revokedBefore(keys: readonly ProvisioningKey[], tokens: readonly AdminToken[]): ReadonlyMap<string, Ended> {
  const revoked = new Map<string, Ended>()
  const add = (named: string, about: Ended['about']) =>
    revoked.set(named, { about, outcome: 'revoked before', events: [] })
  for (const known of keys) if (known.state === 'revoked') add(`key ${known.kid}`, aboutKey(known))
  for (const known of tokens) if (known.revokedAt !== null) add(`admin-token ${known.id}`, aboutToken(known))
  return revoked
}

function outcomesOf(ended: ReadonlyMap<string, Ended>): ReadonlyMap<string, Outcome> {
  return new Map([...ended].map(([named, { outcome }]) => [named, outcome]))
}

async function endToken(manager: EntityManager, call: AdminCall, now: Date, known: AdminToken): Promise<Ended> {
  const [about, before] = [aboutToken(known), await lockToken(manager, known.id)]
  const after = before && revokeToken(before, now)
  if (after === undefined || after === before) return { about, outcome: 'revoked before', events: [] }
  await updateToken(manager, after)
  return { about, outcome: 'revoked', events: [tokenRevoked(after, now, call.traceparent)] }
}

type Reported = ReturnType<typeof readReported>

function readReported(text: string) {
  const token = readAdminToken(text)
  return token === undefined ? readKey(text) : ({ kind: 'admin-token', ...token } as const)
}

function resultOf(
  one: Reported,
  outcomes: ReadonlyMap<string, Outcome>,
): { kid: string | null; token?: string; outcome: Outcome } {
  const id = one.kind === 'key' ? one.kid : one.kind === 'admin-token' ? one.id : undefined
  const outcome = id === undefined ? undefined : outcomes.get(`${one.kind} ${id}`)
  if (id === undefined || outcome === undefined) return { kid: null, outcome: 'not a key of this installation' }
  return one.kind === 'key' ? { kid: id, outcome } : { kid: null, token: id, outcome }
}
