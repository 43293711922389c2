import { parseArgs } from 'node:util'
import { type Shape, shapes } from './shapes.ts'

const options = {
  shape: { type: 'string' },
  seconds: { type: 'string' },
  connections: { type: 'string' },
  only: { type: 'string' },
  'no-floors': { type: 'boolean', default: false },
  'in-process': { type: 'boolean', default: false },
  revocation: { type: 'boolean', default: false },
  flood: { type: 'boolean', default: false },
  gateways: { type: 'string' },
  users: { type: 'string' },
  members: { type: 'string' },
  rounds: { type: 'string' },
  json: { type: 'boolean', default: false },
  'cpu-prof': { type: 'string' },
} as const

/** What a run of the bench is asked for. */
export interface Asked {
  readonly options: ReturnType<typeof parseArgs<{ readonly options: typeof options }>>['values']
  /** Those that are to be measured, by name. */
  readonly shapes: readonly (readonly [name: string, shape: Shape])[]
  /** Of the programs that are measured. */
  readonly nodeArguments: readonly string[]
  /** The number that an option gives, or another where it is not given. */
  number(name: 'seconds' | 'gateways' | 'users' | 'members' | 'rounds', otherwise: number): number
  numbers(name: 'connections', otherwise: readonly number[]): readonly number[]
  /** Tells a person; with --json, beside the output. */
  say(text: string): void
}

/** Reads the command line. Throws when there is no such shape. */
export function readAsked(): Asked {
  const { values } = parseArgs({ options })
  const isOfOne = values.users !== undefined || values.members !== undefined || values.flood
  const shape = values.shape ?? (isOfOne ? 'standalone' : 'both')
  const wanted = Object.entries(shapes).filter(([name]) => shape === 'both' || shape === name)
  if (wanted.length === 0) throw new Error(`--shape is one of ${Object.keys(shapes).join(', ')}, both`)
  const profiles = values['cpu-prof']
  return {
    options: values,
    shapes: wanted,
    nodeArguments: profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`],
    number: (name, otherwise) => Number(values[name] ?? otherwise),
    numbers: (name, otherwise) => values[name]?.split(',').map(Number) ?? otherwise,
    say: (text) => void (values.json ? process.stderr : process.stdout).write(`${text}\n`),
  }
}
