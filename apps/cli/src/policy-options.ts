import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { algorithms, writtenPublicKey } from '#libs/signatures/index'
import { codeOf, Failure } from './failure.ts'

/** Options for what a key may do, as `keys mint` and `keys change` take them. */
export interface PolicyOptions {
  readonly allow?: string
  readonly scopes?: string
  readonly expires?: string
  readonly rate?: string
}

export interface MintOptions extends PolicyOptions {
  readonly signed?: (typeof algorithms)[number]
  readonly publicKey?: string
  readonly save?: string
}

export function withPolicyOptions(command: Command): Command {
  return command
    .option('--allow <ranges>', 'addresses it is accepted from, such as 10.0.0.0/8,2001:db8::/32; "any" for all')
    .option('--scopes <names>', 'of read, write, users and groups, separated by commas')
    .option('--expires <time>', 'from when on it is refused, such as 2027-01-31T12:00:00Z; "never" for no such time')
    .option('--rate <rate>', 'requests a second and how many at once, such as 50/100; "default" for the usual')
}

export function withMintOptions(command: Command): Command {
  return withPolicyOptions(command)
    .addOption(new Option('--signed <algorithm>', 'every request must be signed').choices(algorithms))
    .option(
      '--public-key <file>',
      'PEM of the key that signs by ed25519; unless told, a pair is made and --save keeps it',
    )
    .addOption(saveOption())
}

export function saveOption(): Option {
  return new Option(
    '--save <file>',
    'write the key, and what it signs with, into a new file for latchkey sign and sign-proxy',
  )
}

/** What was named, and nothing else. */
export function policyOf({ allow, scopes, expires, rate }: PolicyOptions): Record<string, unknown> {
  return {
    ...(allow === undefined ? {} : { allowlist: allow === 'any' ? [] : listed(allow) }),
    ...(scopes === undefined ? {} : { scopes: listed(scopes) }),
    ...(expires === undefined ? {} : { expiresAt: expires === 'never' ? null : expires }),
    ...(rate === undefined ? {} : { rate: rate === 'default' ? null : rateOf(rate) }),
  }
}

export async function publicKeyIn(path: string): Promise<string> {
  let pem
  try {
    pem = await readFile(path, 'utf8')
  } catch (error) {
    throw new Failure(
      'usage',
      `${path} cannot be read (${codeOf(error) ?? String(error)}). Give the PEM file of an Ed25519 public key.`,
    )
  }
  const key = writtenPublicKey(pem)
  if (key !== undefined) return key
  throw new Failure(
    'usage',
    `${path} holds no Ed25519 key as PEM. Make one with: openssl genpkey -algorithm ed25519 | openssl pkey -pubout`,
  )
}

function rateOf(text: string): { perSecond: number; burst: number } {
  const [, perSecond, burst] = /^(\d{1,6})(?:\/(\d{1,6}))?$/.exec(text) ?? []
  if (perSecond === undefined) throw new Failure('usage', '--rate is not of the form PER_SECOND/BURST, such as 50/100.')
  return { perSecond: Number(perSecond), burst: Number(burst ?? perSecond) }
}

function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}
