import type { DeviationCode } from '../deviation.ts'
import type { Quirk, Tolerances } from './quirk.ts'

/** How one caller speaks SCIM: the quirks that are met for it, and no others. */
export interface Dialect {
  /** As records and metrics show it. */
  readonly name: string
  readonly quirks: readonly Quirk[]
  readonly tolerances: Tolerances
  /** What is known of a deviation in this dialect: its quirk, and the setting that ends it. */
  explain(code: DeviationCode): Explanation | undefined
}

export interface Explanation {
  readonly quirk?: string
  readonly setting?: string
}

const strict: Tolerances = {
  createsByReplace: false,
  lastPrimary: false,
  oneForMany: false,
  scalarsInStrings: false,
  comparedValuePaths: false,
  plainJson: false,
  renames: [],
}

/** A dialect from its quirks. Of two that show by the same deviation the first explains it, and `settings` those that have no quirk. */
export function defineDialect(definition: {
  name: string
  quirks: readonly Quirk[]
  settings?: Partial<Record<DeviationCode, string>>
}): Dialect {
  const { name, quirks, settings = {} } = definition
  const explanations = new Map<string, Explanation>(
    Object.entries(settings).map(([code, setting]) => [code, { setting }]),
  )
  for (const { code, shows, setting } of quirks.toReversed()) {
    const known = shows === undefined ? undefined : (setting ?? settings[shows])
    if (shows !== undefined)
      explanations.set(shows, { quirk: code, ...(known === undefined ? {} : { setting: known }) })
  }
  return {
    name,
    quirks,
    tolerances: quirks.reduce<Tolerances>(loosened, strict),
    explain: (code) => explanations.get(code),
  }
}

function loosened(so: Tolerances, { tolerates = {} }: Quirk): Tolerances {
  return { ...so, ...tolerates, renames: [...so.renames, ...(tolerates.renames ?? [])] }
}

/** The RFC and what every caller is met with: no quirk at all. */
export const standard = defineDialect({ name: 'standard', quirks: [] })
