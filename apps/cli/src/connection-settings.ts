import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Connection } from './answers.ts'

/** Settings of a connection, as options give them. */
export interface Chosen {
  readonly patchAnswer?: string
  readonly mode?: string
  readonly conflicts?: string
  readonly adoptBy?: readonly string[]
  readonly guard?: string
  readonly guardMost?: number
  readonly guardPercent?: number
  readonly guardMinutes?: number
}

export function offerSettings(command: Command): void {
  command
    .addOption(
      new Option('--patch-answer <answer>', 'what a PATCH is answered with: the resource, or 204 and nothing').choices([
        'resource',
        'none',
      ]),
    )
    .addOption(new Option('--mode <mode>', 'dry-run answers requests and changes nothing').choices(['live', 'dry-run']))
    .addOption(
      new Option('--conflicts <policy>', 'a new user who is there already: refuse (409), or adopt').choices([
        'reject',
        'adopt',
      ]),
    )
    .option(
      '--adopt-by <attributes>',
      'what an adopted user is recognized by, in this order: userName, emails, externalId',
      (text: string) => text.split(',').map((name) => name.trim()),
    )
    .addOption(
      new Option(
        '--guard <when>',
        'whether many deactivations and deletions wait for a person; auto: in a live connection',
      ).choices(['auto', 'on', 'off']),
    )
    .option('--guard-most <number>', 'so many of them pass in any case', wholeNumber)
    .option('--guard-percent <number>', "and so many hundredths of the connection's users", wholeNumber)
    .option('--guard-minutes <number>', 'within so many minutes', wholeNumber)
}

/** The part of a request's body that sets them; empty where none was given. */
export function chosen(options: Chosen): { settings?: object } {
  const { patchAnswer, mode, conflicts, adoptBy, guard, guardMost, guardPercent, guardMinutes } = options
  const all = { patchAnswer, mode, conflicts, adoptBy, guard, guardMost, guardPercent, guardMinutes }
  const given = Object.entries(all).filter(([, value]) => value !== undefined)
  return given.length === 0 ? {} : { settings: Object.fromEntries(given) }
}

export function settingsInWords(settings: Connection['settings'], environment: string) {
  const { patchAnswer, mode, conflicts, adoptBy, guard, guardMost, guardPercent, guardMinutes } = settings
  const isGuarded = guard === 'on' || (guard === 'auto' && environment === 'live')
  return {
    'PATCH answers': patchAnswer === 'none' ? 'nothing (204)' : 'the resource',
    mode,
    conflicts: conflicts === 'adopt' ? `adopt by ${adoptBy.join(', ')}` : conflicts,
    guard: isGuarded
      ? `more than ${guardMost} deactivations and deletions, and ${guardPercent} % of the users, in ${guardMinutes} min wait`
      : 'off',
  }
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('Give a whole number.')
  return Number(text)
}
