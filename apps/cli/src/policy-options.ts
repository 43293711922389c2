import type { Command } from 'commander'
import { Failure } from './failure.ts'

/** Options for what a key may do, as `keys mint` and `keys change` take them. */
export interface PolicyOptions {
  readonly allow?: string
  readonly scopes?: string
  readonly expires?: string
  readonly rate?: string
}

export function withPolicyOptions(command: Command): Command {
  return command
    .option('--allow <ranges>', 'addresses it is accepted from, such as 10.0.0.0/8,2001:db8::/32; "any" for all')
    .option('--scopes <names>', 'of read, write, users and groups, separated by commas')
    .option('--expires <time>', 'from when on it is refused, such as 2027-01-31T12:00:00Z; "never" for no such time')
    .option('--rate <rate>', 'requests a second and how many at once, such as 50/100; "default" for the usual')
}

/** What was named, and nothing else. */
export function policyOf({ allow, scopes, expires, rate }: PolicyOptions): Record<string, unknown> {
  return {
    ...(allow === undefined ? {} : { allowlist: allow === 'any' ? [] : listed('--allow', allow) }),
    ...(scopes === undefined ? {} : { scopes: listed('--scopes', scopes) }),
    ...(expires === undefined ? {} : { expiresAt: expires === 'never' ? null : expires }),
    ...(rate === undefined ? {} : { rate: rate === 'default' ? null : rateOf(rate) }),
  }
}

function rateOf(text: string): { perSecond: number; burst: number } {
  const [, perSecond, burst] = /^(\d{1,6})(?:\/(\d{1,6}))?$/.exec(text) ?? []
  if (perSecond === undefined) throw new Failure('usage', '--rate is not of the form PER_SECOND/BURST, such as 50/100.')
  return { perSecond: Number(perSecond), burst: Number(burst ?? perSecond) }
}

/** What stands between commas; an option that names nothing, as where a variable of the shell is not set, is refused. */
export function listed(option: string, text: string): string[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  if (parts.length > 0) return parts
  throw new Failure('usage', `${option} names nothing. Give what the help of the command says, or leave it out.`)
}
