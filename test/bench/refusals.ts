import { randomBytes } from 'node:crypto'
import { admit, type Passage } from '#apps/gateway/src/index'
import { Admission, KnownTokens, TokenLookUps } from '#libs/admin/index'
import {
  digest,
  generatePeppers,
  matches,
  mintAdminToken,
  mintKey,
  readKey,
  type Secret,
  type StoredDigest,
} from '#libs/credentials/index'
import { makeEvent } from '#libs/events/index'
import type { Database } from '#libs/postgres/index'
import {
  isProvedBy,
  messageOf,
  readSignature,
  type ReadSignature,
  readSigningKey,
  readVerifyingKey,
  signRequest,
} from '#libs/signatures/index'
import { withOtherSecret } from '../changed-key.ts'
import { unlimitedRates } from '../unlimited.ts'
import { entranceOver, passageOf } from '../way-in.ts'
import { compare, type Compared, type Comparison } from './timing.ts'

/** Keys of a class; what is known of them is in memory throughout. */
const ids = 8
const half = 21
const quick = 200_000
const whole = 60_000

const near = 'right in its first half, or in nothing'
const unknown = 'of an unknown id, or wrong'
const peppers = generatePeppers()

/** Whether the time that a refusal takes tells how near a secret came, or whether there is such an id. */
export async function compareRefusals(database: Database): Promise<Compared[]> {
  return [
    ...(await compareDigests()),
    await compareSignatures(),
    ...(await compareOnTheWayIn(database)),
    ...(await compareAdminTokens(database)),
  ]
}

async function compareDigests(): Promise<Compared[]> {
  const { secret, text } = mintKey('live')
  const stored = { pepperVersion: peppers.current, digest: digest(peppers, peppers.current, secret) }
  const other = decoy(text)
  const wrong = (like = other): Secret => secretOf(likeUpTo(half, like, text))
  return [
    await compare({
      what: `secret ${near}: compared`,
      samples: quick,
      classes: [() => wrong(text), () => wrong()],
      run: (given) => matches(peppers, stored, given),
    }),
    await compare<{ readonly known: StoredDigest | undefined; readonly given: Secret }>({
      what: `secret ${unknown}: compared`,
      samples: quick,
      classes: [() => ({ known: undefined, given: wrong() }), () => ({ known: stored, given: wrong() })],
      run: ({ known, given }) => matches(peppers, known, given),
    }),
  ]
}

async function compareSignatures(): Promise<Compared> {
  const algorithm = 'hmac-sha256'
  const text = randomBytes(32).toString('base64url')
  const [signing, verifying] = [readSigningKey(algorithm, text), readVerifyingKey(algorithm, text)]
  if (signing === undefined || verifying === undefined) throw new Error('the secret is one')
  const [keyid, now] = ['aB3dE5gH7jK9', new Date()]
  const url = new URL('https://scim.example.com/scim/v2/abcdefghijkmnpqr/Users')
  const signed = signRequest({ method: 'GET', url }, { keyid, key: signing }, { now })
  const lower = Object.entries(signed).map(([name, value]) => [name.toLowerCase(), value] as const)
  const message = messageOf('GET', url, Object.fromEntries(lower))
  const read = readSignature(message, { keyid, algorithm, hasBody: false, now })
  if (read.kind === 'fault') throw new Error('it is genuine')
  const wrongFrom = (first: number): ReadSignature => {
    const other = randomBytes(read.bytes.length)
    return { ...read, bytes: other.map((byte, index) => (index < first ? (read.bytes[index] ?? 0) : byte)) }
  }
  return compare<ReadSignature>({
    what: `signature ${near}: compared`,
    samples: quick,
    classes: [() => wrongFrom(read.bytes.length / 2), () => wrongFrom(0)],
    run: (given) => isProvedBy(verifying, given),
  })
}

async function compareOnTheWayIn(database: Database): Promise<Compared[]> {
  const { parts, connection, mint } = await entranceOver(database, { limits: unlimitedRates })
  const minted = await Promise.all(Array.from({ length: ids }, () => mint()))
  const never = Array.from({ length: ids }, () => mintKey('live').text)
  const used = await mint()
  await admit(passageOf({ connection, key: used }), parts)
  const sent =
    (keys: readonly string[], likes = keys) =>
    () => {
      const at = anyId()
      return passageOf({ connection, key: likeUpTo(half, likes[at] ?? '', keys[at] ?? '') })
    }
  const compareKeys = (what: string, classes: Comparison<Passage>['classes'], isAnswered = false) =>
    compare({
      what: `key ${what}: way in`,
      samples: whole,
      classes,
      isAnswered,
      run: (passage) => refused(admit(passage, parts)),
    })
  return [
    await compareKeys(near, [sent(minted), sent(minted, minted.map(decoy))]),
    await compareKeys(unknown, [sent(never), sent(minted, minted.map(decoy))], true),
    await compareKeys(`${unknown}, of one in use`, [sent(never), sent(same(used), same(decoy(used)))], true),
  ]
}

async function compareAdminTokens(database: Database): Promise<Compared[]> {
  const first = randomBytes(32).toString('base64url')
  const tokens = new KnownTokens(database, 'gateway')
  const clock = (): Date => new Date()
  const admission = new Admission({
    bootstrap: [first],
    tokens,
    lookUps: new TokenLookUps(unlimitedRates),
    peppers,
    clock,
    isCurrent: () => true,
    onFailure: () => undefined,
  })
  const minted = Array.from({ length: ids }, mintAdminToken)
  const events = minted.map(({ id, secret }) =>
    makeEvent(
      'admin-token.minted',
      { source: 'keys', owner: '', subject: id, version: 1, time: clock() },
      {
        token: id,
        name: 'bench',
        scopes: [],
        tenants: null,
        allowlist: [],
        expiresAt: null,
        pepperVersion: peppers.current,
        digest: digest(peppers, peppers.current, secret).toString('base64url'),
        mintedBy: 'bootstrap',
      },
    ),
  )
  await database.transaction((transaction) => tokens.apply(transaction, events))
  const texts = minted.map(({ text }) => text)
  const never = Array.from({ length: ids }, () => mintAdminToken().text)
  const sent =
    (keys: readonly string[], likes = keys) =>
    () => {
      const at = anyId()
      return flat(`Bearer ${likeUpTo(half, likes[at] ?? '', keys[at] ?? '')}`)
    }
  const compareTokens = (what: string, classes: Comparison<string>['classes'], isAnswered = false) =>
    compare({
      what: `admin token ${what}: admitted`,
      samples: whole,
      classes,
      isAnswered,
      run: (header) => refused(admission.admit(header, '127.0.0.1')),
    })
  const ofTheFolder = (like: string) => () =>
    flat(`Bearer ${like.slice(0, half)}${randomBytes(32).toString('base64url').slice(half)}`)
  return [
    await compareTokens(near, [sent(texts), sent(texts, texts.map(decoy))]),
    await compareTokens(unknown, [sent(never), sent(texts, texts.map(decoy))], true),
    await compareTokens(`of the data folder ${near}`, [
      ofTheFolder(first),
      ofTheFolder(randomBytes(32).toString('base64url')),
    ]),
  ]
}

function anyId(): number {
  return Math.floor(Math.random() * ids)
}

function same(key: string): string[] {
  return Array.from({ length: ids }, () => key)
}

/** What stands in for the half of a secret that is not right: as often sent as the right one, since what is met often is read faster. */
function decoy(key: string): string {
  return withOtherSecret(key)
}

/** The same id with another secret, of which so many characters are those of `like`. */
function likeUpTo(characters: number, like: string, key: string): string {
  const [first = '', others] = [like.split('_').at(-2), mintKey('live').secret]
  return flat(withOtherSecret(key, first.slice(0, characters) + others.slice(characters)))
}

function secretOf(key: string): Secret {
  const read = readKey(key)
  if (read.kind === 'fault') throw new Error('it has the form of a key')
  return read.secret
}

/** As a header's value arrives: in one piece, however it was put together. */
function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function refused(admitted: Promise<unknown>): Promise<void> {
  return admitted.then(
    () => Promise.reject(new Error('it was accepted')),
    () => undefined,
  )
}
