import type { Command } from 'commander'
import { type Actor, type Key, key, rotation, type Rotation, rotationPolicy } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { policyInWords, whenAndHowLong } from './rotation-policy.ts'
import { facts, lastUse, stateOf } from './words.ts'

/** What there is to know of one key, or of the keys of a connection: states, uses, what ends when, and the rotation that runs. */
export function showCommand(world: World, version: string): Command {
  return serverCommand(
    'show',
    'show a key, or all accepted keys of a connection, with the rotation that runs, or the last one',
    world,
    version,
    async ({ client, show }, options: { connection?: string }, kid: string | undefined) => {
      if ((kid === undefined) === (options.connection === undefined)) {
        throw new Failure('usage', 'Name a key, or a connection by --connection, and not both.')
      }
      const one = kid === undefined ? undefined : await client.read(`/keys/${encodeURIComponent(kid)}`, key)
      const connection = one?.connection ?? options.connection ?? ''
      const path = `/connections/${encodeURIComponent(connection)}`
      const keys = one === undefined ? (await client.list(`${path}/keys`, key)).filter(isAccepted) : [one]
      const policy = await client.read(`${path}/rotation-policy`, rotationPolicy)
      const rotations = `${path}/rotations`
      const concerned =
        one === undefined
          ? ((await client.first(`${rotations}?state=running`, rotation)) ?? (await client.first(rotations, rotation)))
          : await client.first(
              rotations,
              rotation,
              ({ oldKey, newKey }) => oldKey.kid === one.kid || newKey.kid === one.kid,
            )
      const now = new Date()
      show({ keys, policy, rotation: concerned ?? null }, () =>
        [
          ...(keys.length === 0 ? ['The connection has no accepted key.\n'] : []),
          ...keys.map((each) => keyInFull(each, concerned, now)),
          `Rotation policy\n${policyInWords(policy, now)}`,
          ...(concerned === undefined ? [] : [`Rotation\n${reportInFull(concerned, now)}`]),
        ].join('\n'),
      )
    },
  )
    .argument('[kid]', 'id part of the key, the 12 characters after lk_live_ or lk_test_')
    .option('--connection <id>', 'id of the connection')
}

function isAccepted({ endedAt }: Key): boolean {
  return endedAt === null
}

function keyInFull(one: Key, concerned: Rotation | undefined, now: Date): string {
  const { kid, environment, createdAt, endedAt, until, firstUsed, lastUsed, revealable, pepperVersion, key } = one
  return facts({
    kid,
    ...(key === undefined ? {} : { key }),
    state: stateOf(one),
    environment,
    created: createdAt,
    'first used': firstUsed === null ? (lastUsed === null ? 'never' : 'not recorded') : lastUse(firstUsed, now),
    'last used': lastUse(lastUsed, now),
    ...(endedAt === null ? {} : { ended: endedAt }),
    ...(until === null || endedAt !== null ? {} : { ends: ending(until, kid, concerned, now) }),
    ...keyPolicyInWords(one, now),
    ...(pepperVersion === undefined ? {} : { pepper: String(pepperVersion) }),
    ...(revealable ? { text: `not shown to anybody yet: latchkey keys reveal ${kid}` } : {}),
  })
}

/** In the words of the options of `keys mint`. */
function keyPolicyInWords({ policy }: Key, now: Date): Record<string, string> {
  if (policy === undefined) return {}
  const { authentication, allowlist, scopes, expiresAt, rate } = policy
  const { method = 'bearer', algorithm, certificates = [] } = authentication ?? {}
  return {
    method: [method, algorithm, ...certificates].filter((part) => part !== undefined).join(' '),
    expires: expiresAt === null ? 'never' : whenAndHowLong(expiresAt, now),
    allow: allowlist.length === 0 ? 'any' : allowlist.join(', '),
    scopes: scopes.join(', '),
    rate: rate === null ? 'default' : `${rate.perSecond}/${rate.burst}`,
  }
}

/** A key that nobody uses any more and one that somebody does end differently. */
function ending(until: string, kid: string, concerned: Rotation | undefined, now: Date): string {
  const at = whenAndHowLong(until, now)
  if (concerned?.oldKey.kid !== kid || concerned.state !== 'running') return at
  if (!concerned.oldKey.stillUsed) return `${at}; not used within its grace so far`
  const then = concerned.mode === 'strict' ? 'and ends then all the same' : 'and is given another grace then'
  return `${at}; still used, ${lastUse(concerned.oldKey.lastUsed, now)}, ${then}`
}

export function reportInFull(report: Rotation, now: Date): string {
  const { id, state, outcome, mode, graceHours, startedAt, startedBy, dueAt, hardEnd, cutOverAt, until } = report
  const { newKey, oldKey, extensions, endedAt, endedBy } = report
  const runs = state === 'running'
  return facts({
    rotation: id,
    state: outcome === null ? state : `${state} (${outcome})`,
    policy: `${mode}, grace ${graceHours} h`,
    started: `${startedAt} by ${actor(startedBy)}`,
    'new key': newKey.kid,
    'first used': newKey.firstUsed === null ? 'never' : exactly(newKey.firstUsed),
    'old key': oldKey.kid,
    'last used': oldKey.lastUsed === null ? 'never' : exactly(oldKey.lastUsed),
    ...(runs && cutOverAt === null ? { 'new key due': whenAndHowLong(dueAt, now) } : {}),
    ...(runs && cutOverAt === null && hardEnd !== null ? { 'old key ends': whenAndHowLong(hardEnd, now) } : {}),
    ...(runs && until !== null ? { 'old key ends': ending(until, oldKey.kid, report, now) } : {}),
    extensions: String(extensions),
    ...(endedAt === null || endedBy === null ? {} : { ended: `${endedAt} by ${actor(endedBy)}` }),
  })
}

function actor({ kind, address, request, actor: token }: Actor): string {
  if (kind === 'time') return 'the passing of time'
  if (kind !== 'operator') return `the ${kind}`
  const who = token === undefined ? 'an operator' : `admin token ${token}`
  return `${who} at ${address ?? 'an unknown address'}, request ${request ?? 'unknown'}`
}

function exactly({ at, address, userAgent }: NonNullable<Key['lastUsed']>): string {
  return `${at} from ${address}${userAgent === null ? '' : `, ${userAgent}`}`
}
