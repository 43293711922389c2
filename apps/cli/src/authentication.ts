import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import { algorithms, writtenPublicKey } from '#libs/signatures/index'
import { codeOf, Failure } from './failure.ts'
import { gathered } from './gathered.ts'

/** How a key is to prove itself: by itself unless told. */
export interface AuthenticationOptions {
  readonly signed?: (typeof algorithms)[number]
  readonly publicKey?: string
  readonly save?: string
  readonly oauth?: true
  readonly certificate?: readonly string[]
}

export function withAuthenticationOptions(command: Command): Command {
  return withCertificates(
    command
      .addOption(new Option('--signed <algorithm>', 'every request must be signed').choices(algorithms))
      .option(
        '--public-key <file>',
        'PEM of the key that signs by ed25519; unless told, a pair is made and --save keeps it',
      )
      .addOption(saveOption())
      .option('--oauth', 'it is exchanged for access tokens of ten minutes, and those are sent with each request'),
  )
}

export function saveOption(): Option {
  return new Option(
    '--save <file>',
    'write the key, and what it signs with, into a new file for latchkey sign and sign-proxy',
  )
}

export function withCertificates(command: Command): Command {
  return command.option(
    '--certificate <file>',
    'PEM or DER of a client certificate that it is taken with, and with no other; may be repeated',
    gathered,
  )
}

/** Where files are read, and where what a person should heed is told. */
export interface Surroundings {
  readonly folder: string
  readonly warn: (text: string) => void
}

/** What the policy says, undefined unless told; and the private key where the pair is made here. */
export async function authenticationOf(options: AuthenticationOptions, surroundings: Surroundings) {
  const { folder } = surroundings
  const { signed, publicKey, save, oauth, certificate } = options
  if ([signed, oauth, certificate].filter((way) => way !== undefined).length > 1)
    throw new Failure('usage', 'A key proves itself in one way: give one of --signed, --oauth and --certificate.')
  if (publicKey !== undefined && signed !== 'ed25519')
    throw new Failure('usage', '--public-key goes with --signed ed25519.')
  if (save !== undefined && signed === undefined) throw new Failure('usage', '--save goes with --signed.')
  if (oauth === true) return { authentication: { method: 'oauth' } }
  if (certificate !== undefined)
    return { authentication: { method: 'mtls', certificates: await thumbprintsIn(certificate, surroundings) } }
  if (signed !== 'ed25519')
    return { authentication: signed === undefined ? undefined : { method: 'signed', algorithm: signed } }
  if (publicKey !== undefined) {
    if (save !== undefined)
      throw new Failure('usage', 'With --public-key the private key is not here to be saved: leave out one of both.')
    return {
      authentication: { method: 'signed', algorithm: signed, publicKey: await publicKeyIn(resolve(folder, publicKey)) },
    }
  }
  if (save === undefined)
    throw new Failure('usage', '--signed ed25519 takes --public-key, or --save for a pair that is made here.')
  const privateKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  return {
    authentication: { method: 'signed', algorithm: signed, publicKey: writtenPublicKey(privateKey) },
    privateKey,
  }
}

/** SHA-256 of each certificate; of several in one file, of the first. The server sees these alone: that one is out of its time is warned of here. */
export function thumbprintsIn(files: readonly string[], { folder, warn }: Surroundings): Promise<string[]> {
  return Promise.all(
    files.map(async (file) => {
      const path = resolve(folder, file)
      const { fingerprint256, validFromDate: from, validToDate: to } = await certificateIn(path)
      const now = new Date()
      if (now > to) {
        warn(
          `the certificate in ${path} expired on ${to.toISOString()}: no request with it is accepted. Name one that is valid with latchkey keys change.`,
        )
      } else if (now < from) {
        warn(
          `the certificate in ${path} is not valid before ${from.toISOString()}: until then no request with it is accepted.`,
        )
      }
      return fingerprint256.replaceAll(':', '').toLowerCase()
    }),
  )
}

async function certificateIn(path: string): Promise<X509Certificate> {
  const bytes = await contentOf(path, 'Give the PEM or DER file of a client certificate.')
  try {
    return new X509Certificate(bytes)
  } catch {
    throw new Failure(
      'usage',
      `${path} holds no certificate as PEM or DER. Give that of the client, not its private key.`,
    )
  }
}

async function publicKeyIn(path: string): Promise<string> {
  const pem = await contentOf(path, 'Give the PEM file of an Ed25519 public key.')
  const key = writtenPublicKey(pem.toString('utf8'))
  if (key !== undefined) return key
  throw new Failure(
    'usage',
    `${path} holds no Ed25519 key as PEM. Make one with: openssl genpkey -algorithm ed25519 | openssl pkey -pubout`,
  )
}

async function contentOf(path: string, fix: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new Failure('usage', `${path} cannot be read (${codeOf(error) ?? String(error)}). ${fix}`)
  }
}
