import { enforceUserName, errors, fold, type Resource } from '#libs/scim/index'

/** A user or group as the gateway keeps it. `document` holds neither id, meta, groups nor members. */
export interface ScimRecord {
  readonly id: string
  /** Counts the events of this record; also its ETag. */
  readonly version: number
  readonly created: Date
  readonly lastModified: Date
  readonly document: Resource
}

export interface Member {
  readonly value: string
  readonly kind: 'User' | 'Group' | null
}

/** What a record can be found by without reading its document. */
export interface UserKeys {
  readonly userNameKey: string
  readonly externalId: string | null
  readonly displayNameKey: string | null
  readonly emailKeys: readonly string[]
  /** Null of a user of whom it was removed, and who is active. */
  readonly active: boolean | null
}

/** An index entry holds at most a third of a page; what is longer cannot be looked up, so it is not taken. */
const longestKey = 2_000

/** Elements of the e-mail index begin with their connection, like every other key. */
export function emailKey(connection: string, address: string): string {
  return `${connection} ${fold(address)}`
}

/** Throws invalidValue for a name, id or address that is too long to be looked up or cannot be stored. */
export function userKeys(connection: string, document: Resource): UserKeys {
  return {
    userNameKey: userNameKey(document),
    externalId: optionalKey('externalId', text(document['externalId'])),
    displayNameKey: optionalKey('displayName', foldedOrNone(text(document['displayName']))),
    emailKeys: elements(document['emails'])
      .map((email) => text(email['value']))
      .filter((value) => value !== undefined)
      .map((value) => key('emails.value', emailKey(connection, value))),
    active: typeof document['active'] === 'boolean' ? document['active'] : null,
  }
}

export function userNameKey(document: Resource): string {
  return key('userName', enforceUserName(text(document['userName']) ?? ''))
}

export function groupKeys(document: Resource): { displayNameKey: string; externalId: string | null } {
  return {
    displayNameKey: key('displayName', fold(text(document['displayName']) ?? '')),
    externalId: optionalKey('externalId', text(document['externalId'])),
  }
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function elements(value: unknown): Record<string, unknown>[] {
  const list: unknown[] = Array.isArray(value) ? value : []
  return list.filter((element): element is Record<string, unknown> => typeof element === 'object' && element !== null)
}

function foldedOrNone(value: string | undefined): string | undefined {
  return value === undefined ? undefined : fold(value)
}

function optionalKey(attribute: string, value: string | undefined): string | null {
  return value === undefined ? null : key(attribute, value)
}

function key(attribute: string, value: string): string {
  if (Buffer.byteLength(value) > longestKey) {
    throw errors.invalidValue(`The value of ${attribute} is longer than ${longestKey} bytes. Send a shorter one.`)
  }
  if (value.includes('\u0000')) {
    throw errors.invalidValue(`The value of ${attribute} contains the character U+0000. Remove it.`)
  }
  return value
}
