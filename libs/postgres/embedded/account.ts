import { existsSync, readFileSync, statSync, type Stats } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SpawnOptions } from 'node:child_process'
import { EmbeddedPostgresError } from './errors.ts'

/** The user that Postgres runs as, when that is not the user of this process. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** A way to run a Postgres program: words to put before the command, and options for spawn. */
export interface Runner {
  readonly prefix: readonly string[]
  readonly options: Pick<SpawnOptions, 'uid' | 'gid'>
}

/**
 * Postgres refuses to run as root. Then it runs as the owner of the data it already has, else as `postgres`, else as `nobody`.
 * Undefined for a plain user.
 * @throws EmbeddedPostgresError account-missing
 */
export function accountFor(folder: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const owner = statSync(folder, { throwIfNoEntry: false })
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const lines = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = lines.find((fields) => fields[0] === name) ?? []
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) }
  }
  throw new EmbeddedPostgresError(
    'account-missing',
    'Postgres does not run as root, and there is neither a user "postgres" nor "nobody" to run it as: start Latchkey as a plain user.',
  )
}

/**
 * How to run the Postgres of `native` as `account`, with its data beneath `dataParent`. Where a folder on the way bars that
 * account (a checkout in a 0700 home), it is given the smallest capability that opens it; no folder's mode is changed.
 * @throws EmbeddedPostgresError account-barred
 */
export function runnerFor(account: Account | undefined, native: string, dataParent: string): Runner {
  if (account === undefined) return { prefix: [], options: {} }
  const barred = barredBy(account, native, dataParent)
  if (barred === undefined) return { prefix: [], options: account }

  // dac_read_search opens folders and files for reading; only dac_override also runs a file that its mode forbids to run.
  const fits = barred.running ? (['dac_override'] as const) : (['dac_read_search', 'dac_override'] as const)
  const held = heldCapabilities()
  const capability = fits.find((name) => (held & (1n << capabilityBits[name])) !== 0n)
  const setpriv = ['/usr/bin/setpriv', '/bin/setpriv', '/usr/sbin/setpriv'].find((file) => existsSync(file))
  if (capability === undefined || setpriv === undefined) {
    const lacking =
      setpriv === undefined ? 'the program setpriv (of util-linux)' : `the capability ${fits.join(' or ')}`
    throw new EmbeddedPostgresError(
      'account-barred',
      `Postgres runs as user id ${account.uid}, which may not enter ${barred.path}, and ${lacking} is lacking: open that folder to others (chmod o+x), move Latchkey and its data, or start it as a plain user.`,
    )
  }
  return {
    prefix: [
      setpriv,
      `--reuid=${account.uid}`,
      `--regid=${account.gid}`,
      '--clear-groups',
      // Without it access(2), by which initdb looks for postgres, does not heed the capability.
      '--securebits=+no_setuid_fixup',
      `--inh-caps=+${capability}`,
      `--ambient-caps=+${capability}`,
    ],
    options: {},
  }
}

const capabilityBits = { dac_override: 1n, dac_read_search: 2n } as const

function heldCapabilities(): bigint {
  if (!existsSync('/proc/self/status')) return 0n
  const held = /^CapPrm:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
  return held === undefined ? 0n : BigInt(`0x${held}`)
}

/** The first path that the account may not enter, read or run; `running` when only the right to run a file is lacking. */
function barredBy(
  account: Account,
  native: string,
  dataParent: string,
): { path: string; running: boolean } | undefined {
  const programs = [join(native, 'bin/postgres'), join(native, 'bin/initdb')]
  const unrunnable = programs.find((path) => !allows(account, statSync(path), 1))
  if (unrunnable !== undefined) return { path: unrunnable, running: true }
  const folders = [
    ...withParents(join(native, 'bin')),
    ...withParents(dataParent),
    join(native, 'lib'),
    join(native, 'share'),
  ]
  const files = [...programs, join(native, 'share/postgresql/postgres.bki')]
  const path =
    folders.find((folder) => !allows(account, statSync(folder), 1)) ??
    files.find((file) => !allows(account, statSync(file), 4))
  return path === undefined ? undefined : { path, running: false }
}

function withParents(path: string): string[] {
  const parent = dirname(path)
  return parent === path ? [path] : [...withParents(parent), path]
}

function allows(account: Account, stats: Stats, bit: 1 | 4): boolean {
  const shift = stats.uid === account.uid ? 6 : stats.gid === account.gid ? 3 : 0
  return ((stats.mode >> shift) & bit) !== 0
}
