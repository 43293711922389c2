import type { DeviationCode } from '../deviation.ts'

/**
 * How sure it is that a client does a thing: seen on the wire, written by its vendor, told by others who run a SCIM service, or
 * concluded from one of these.
 */
export type Grade = 'captured' | 'documented' | 'reported' | 'inferred'

export interface Evidence {
  readonly grade: Grade
  /** Of the recorded request in test/idp/requests.json that shows it, "idp: name"; its source stands there. */
  readonly row: string
}

/** What an identity provider does in its own way. */
export interface Quirk {
  /** Stable: shown in the diagnosis of each request that has it. */
  readonly code: string
  /** What the identity provider does. */
  readonly habit: string
  readonly evidence: readonly [Evidence, ...Evidence[]]
  /** The deviation by which it shows. Absent where it is within the RFC and only to be known. */
  readonly shows?: DeviationCode
  /** The rules that are loosened for it. Absent where every caller is met so. */
  readonly tolerates?: Partial<Tolerances>
  /** Where the identity provider can be told to do otherwise. */
  readonly setting?: string
}

/** The rules that can be loosened for one caller and stand for every other. */
export interface Tolerances {
  /** A `replace` whose filter is a conjunction of `eq`s and selects nothing creates the element, instead of `noTarget`. */
  readonly createsByReplace: boolean
  /** Of several primary elements the last keeps the mark, instead of `invalidValue`. */
  readonly lastPrimary: boolean
  /** One value where an array belongs is an array of one, instead of `invalidValue`. */
  readonly oneForMany: boolean
  /** Every boolean and number may come as a string, instead of `active` and `primary` alone. */
  readonly scalarsInStrings: boolean
  /** A filter may compare what follows a value path, emails[type eq "work"].value eq "x", instead of `invalidFilter`. */
  readonly comparedValuePaths: boolean
  /** Answers are application/json unless Accept names application/scim+json. */
  readonly plainJson: boolean
  /** Sub-attributes that come under another name, instead of being unknown. */
  readonly renames: readonly Rename[]
}

export interface Rename {
  readonly attribute: string
  readonly from: string
  readonly to: string
}
