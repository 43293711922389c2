import { type Command, Option } from 'commander'
import type { Connection } from './answers.ts'

/** Settings of a connection, as options give them. */
export interface Chosen {
  readonly patchAnswer?: string
  readonly mode?: string
  readonly conflicts?: string
  readonly adoptBy?: readonly string[]
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
}

/** The part of a request's body that sets them; empty where none was given. */
export function chosen({ patchAnswer, mode, conflicts, adoptBy }: Chosen): { settings?: object } {
  const given = Object.entries({ patchAnswer, mode, conflicts, adoptBy }).filter(([, value]) => value !== undefined)
  return given.length === 0 ? {} : { settings: Object.fromEntries(given) }
}

export function settingsInWords({ patchAnswer, mode, conflicts, adoptBy }: Connection['settings']) {
  return {
    'PATCH answers': patchAnswer === 'none' ? 'nothing (204)' : 'the resource',
    mode,
    conflicts: conflicts === 'adopt' ? `adopt by ${adoptBy.join(', ')}` : conflicts,
  }
}
