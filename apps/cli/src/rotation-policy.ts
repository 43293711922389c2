import { type Command, Option } from 'commander'
import { parseDuration } from '#libs/configuration/index'
import { rotationPolicy, type RotationPolicy } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { ahead, facts } from './words.ts'

export interface Chosen {
  readonly mode?: string
  readonly grace?: string
}

interface ChosenPolicy extends Chosen {
  readonly connection: string
  readonly every?: string
  readonly ahead?: string
}

const hour = 3_600_000
const day = 24 * hour

export function modeOption(): Option {
  return new Option(
    '--mode <mode>',
    'safe: a key that is used is not ended by time; strict: it is, at its deadline',
  ).choices(['safe', 'strict'])
}

export function graceOption(): Option {
  return new Option(
    '--grace <duration>',
    'how long the old key goes on after the first use of the new one, such as 72h',
  )
}

export function chosenMode({ mode }: Chosen): object {
  return mode === undefined ? {} : { mode }
}

export function chosenGrace({ grace }: Chosen): object {
  return grace === undefined ? {} : { graceHours: whole('--grace', grace, hour, 'hours, such as 72h') }
}

/** Shows the policy, or changes what is named and leaves the rest. */
export function policyCommand(world: World, version: string): Command {
  return serverCommand(
    'policy',
    'show how the keys of a connection are rotated, or change it: what is not named stays as it is',
    world,
    version,
    async ({ client, show }, options: ChosenPolicy) => {
      const path = `/connections/${encodeURIComponent(options.connection)}/rotation-policy`
      const changes = {
        ...chosenMode(options),
        ...chosenGrace(options),
        ...(options.every === undefined ? {} : { everyDays: everyDays(options.every) }),
        ...(options.ahead === undefined
          ? {}
          : { mintAheadDays: whole('--ahead', options.ahead, day, 'days, such as 14d') }),
      }
      const policy =
        Object.keys(changes).length === 0
          ? await client.read(path, rotationPolicy)
          : await client.change(path, rotationPolicy, ({ mode, everyDays: every, graceHours, mintAheadDays }) => ({
              mode,
              everyDays: every,
              graceHours,
              mintAheadDays,
              ...changes,
            }))
      show(policy, () => policyInWords(policy, new Date()))
    },
  )
    .requiredOption('--connection <id>', 'id of the connection')
    .addOption(modeOption())
    .option(
      '--every <duration>',
      'mint another key so long after the first use of the one before, such as 90d; or never',
    )
    .addOption(graceOption())
    .option('--ahead <duration>', 'how long before it is due the next key is minted, such as 14d')
}

export function policyInWords(
  { mode, everyDays: every, graceHours, mintAheadDays, dueAt, mintAt }: RotationPolicy,
  now: Date,
) {
  return facts({
    mode,
    every: every === null ? 'never by itself' : `${every} days`,
    grace: `${graceHours} h`,
    'minted ahead': `${mintAheadDays} days`,
    ...(dueAt === null ? {} : { 'present key due': whenAndHowLong(dueAt, now) }),
    ...(mintAt === null || Date.parse(mintAt) <= now.getTime() ? {} : { 'next minted': whenAndHowLong(mintAt, now) }),
  })
}

export function whenAndHowLong(time: string, now: Date): string {
  return Date.parse(time) <= now.getTime() ? `${time}, which is past` : `${ahead(time, now)}, at ${time}`
}

function everyDays(text: string): number | null {
  return text === 'never' ? null : whole('--every', text, day, 'days, such as 90d, or never')
}

function whole(option: string, text: string, unit: number, expected: string): number {
  const count = (parseDuration(text) ?? Number.NaN) / unit
  if (Number.isInteger(count)) return count
  throw new Failure('usage', `${option} is not a whole number of ${expected}.`)
}
