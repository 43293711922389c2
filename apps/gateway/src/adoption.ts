import type { ConnectionSettings } from '#libs/events/index'
import { errors, type Resource, type ResourceType } from '#libs/scim/index'
import type { Principal } from './principal.ts'
import { emailKey, userKeys } from './record.ts'

/** Attributes by which a user that is there is recognized as the one that is to be created. */
export type AdoptBy = ConnectionSettings['adoptBy']

/** The values of one of them, as they are looked up. */
export interface Trait {
  readonly by: AdoptBy[number]
  readonly keys: readonly string[]
}

/** A user who has one of the values of a trait. */
export interface Match {
  readonly by: AdoptBy[number]
  readonly id: string
}

/** In what order a new user of this type is looked for among those that are there; empty where that is refused. */
export function adoptByFor(type: ResourceType, { settings }: Principal): AdoptBy {
  return type.name === 'User' && settings.conflicts === 'adopt' ? settings.adoptBy : []
}

/**
 * Those of the traits that the document has: a blank value, as of a field that nobody filled in, is nobody's. Throws invalidValue for a value
 * that cannot be looked up.
 */
export function traitsOf(connection: string, document: Resource, adoptBy: AdoptBy): Trait[] {
  const { userNameKey, externalId, emailKeys } = userKeys(connection, document)
  const keys = { userName: [userNameKey], externalId: externalId === null ? [] : [externalId], emails: emailKeys }
  const blank = { userName: '', externalId: '', emails: emailKey(connection, '').trimEnd() }
  return adoptBy
    .map((by) => ({ by, keys: keys[by].filter((key) => key.trimEnd() !== blank[by]) }))
    .filter((trait) => trait.keys.length > 0)
}

/** Whether the document has one of the keys of a trait at least. Throws invalidValue as `traitsOf` does. */
export function hasTrait(connection: string, document: Resource, { by, keys }: Trait): boolean {
  return traitsOf(connection, document, [by]).some((own) => own.keys.some((key) => keys.includes(key)))
}

/**
 * Whom a new user is adopted as: the one who has the first trait that anybody has. Throws `ambiguous` when several have it: no later
 * trait is to decide what an earlier one left open.
 */
export function chooseAdopted(traits: readonly Trait[], matches: readonly Match[]): Match | undefined {
  for (const { by } of traits) {
    const found = matches.filter((match) => match.by === by)
    if (new Set(found.map(({ id }) => id)).size > 1) throw errors.ambiguous(by)
    if (found[0] !== undefined) return found[0]
  }
  return undefined
}
