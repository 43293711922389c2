import { ConfigurationError, type Fault, Unfit } from './faults.ts'
import { nearest } from './nearest.ts'
import type { Setting } from './settings.ts'

const prefix = 'LATCHKEY_'

/** A name of somebody else's may look like one of ours; so near that it hardly is one, it is taken for a misspelt one. */
const nearestOfOthers = 2

export type Settings = Readonly<Record<string, Setting<unknown>>>

export type Configuration<S extends Settings> = Readonly<{
  [Name in keyof S]: S[Name] extends Setting<infer T> ? T : never
}>

/**
 * Reads every declared variable. A variable that is empty counts as not set. A variable that is neither declared nor in
 * `alsoKnown` (those of other programs on the same machine) is a fault when it is most likely a misspelt one: when its name
 * begins with LATCHKEY_, or is an edit or two away from a declared one that is not set; letter case, and hyphens, dots or spaces
 * in place of _, make no difference.
 * @throws ConfigurationError with all faults
 */
export function readEnvironment<const S extends Settings>(
  env: Readonly<Record<string, string | undefined>>,
  settings: S,
  { alsoKnown = [] }: { readonly alsoKnown?: Iterable<string> } = {},
): Configuration<S> {
  const faults: Fault[] = []
  const values: Record<string, unknown> = {}
  for (const [variable, declared] of Object.entries(settings)) {
    const text = present(env[variable]) ?? declared.default
    if (text === undefined) {
      values[variable] = undefined
      if (!declared.optional) faults.push({ variable, holds: 'nothing', expected: declared.expected })
      continue
    }
    const [value, reasons] = readText(text, declared)
    for (const reason of reasons) faults.push({ variable, ...reason })
    values[variable] = value
  }
  faults.push(...lackingPartners(env, settings))
  const known = new Set([...Object.keys(settings), ...alsoKnown])
  const unset = Object.keys(settings).filter((name) => !name.startsWith(prefix) && present(env[name]) === undefined)
  for (const [variable, text] of Object.entries(env)) {
    if (known.has(variable)) continue
    const name = variable.toUpperCase().replaceAll(/[-.\s]/g, '_')
    const ours = name.startsWith(prefix)
    const meant = ours ? nearest(name, known) : nearest(name, unset, nearestOfOthers)
    if (!ours && meant === undefined) continue
    faults.push({
      variable,
      holds: `a value of ${text?.length ?? 0} characters`,
      expected: `nothing, because no setting has this name${meant === undefined ? '' : ` (did you mean ${meant}?)`}`,
    })
  }
  if (faults.length > 0) throw new ConfigurationError(faults)
  return Object.freeze(values) as Configuration<S>
}

function readText(text: string, declared: Setting<unknown>): [value: unknown, reasons: Unfit['reasons']] {
  try {
    const value = declared.read(text)
    return [value, value === undefined ? [{ holds: shown(text, declared), expected: declared.expected }] : []]
  } catch (error) {
    if (error instanceof Unfit) return [undefined, error.reasons]
    throw error
  }
}

/** Each setting that is not set though one is that it goes with. */
function lackingPartners(env: Readonly<Record<string, string | undefined>>, settings: Settings): Fault[] {
  const isSet = (variable: string): boolean => present(env[variable]) !== undefined
  return Object.entries(settings).flatMap(([variable, { expected, goesWith }]) => {
    const partner = goesWith.find(isSet)
    return partner === undefined || isSet(variable)
      ? []
      : [{ variable, holds: 'nothing', expected: `${expected}, because ${partner} is set` }]
  })
}

/** One setting in words, for `.env.example` and for help. `default` is undefined where there is none. */
export interface SettingDescription {
  readonly name: string
  readonly default: string | undefined
  readonly about: string
  readonly expected: string
  readonly required: boolean
  readonly secret: boolean
}

export function describe(settings: Settings): readonly SettingDescription[] {
  return Object.entries(settings).map(([name, declared]) => ({
    name,
    default: declared.default,
    about: declared.about,
    expected: declared.expected,
    required: declared.default === undefined && !declared.optional,
    secret: declared.secret,
  }))
}

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}

/** An "@" may follow a password in a URL, also in one too broken to be parsed. */
function shown(text: string, { secret }: Setting<unknown>): string {
  if (secret || text.includes('@')) return `a value of ${text.length} characters`
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}...` : text)
}
