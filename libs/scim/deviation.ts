/** Something in a request that is not as the RFC has it and was accepted all the same: shown in the request's diagnosis. */
export interface Deviation {
  /** Stable: what software and people can look up. */
  readonly code: DeviationCode
  /** JSON pointer (RFC 6901) into the request's body, or `?name` for a query parameter. A name that no attribute can have is `?` in it. */
  readonly pointer: string
  readonly cause: string
  readonly fix: string
  /** The quirk of the caller's dialect that explains it. */
  readonly quirk?: string
  /** Where the caller's identity provider can be told to do otherwise. */
  readonly setting?: string
}

export type DeviationCode = ReturnType<(typeof deviations)[keyof typeof deviations]>['code']

/** Every deviation there is. What a cause quotes is a name, never a value. */
export const deviations = {
  unknownAttribute: (pointer: string, name: string) =>
    found(
      'unknown-attribute',
      pointer,
      `No schema of this resource defines ${quoted(name)}; it was ignored.`,
      'Remove it from the mapping, or put it below the URN of the extension that defines it.',
    ),
  unknownSchema: (pointer: string, urn: string) =>
    found(
      'unknown-schema',
      pointer,
      `The schema ${quoted(urn)} is not known here; it was ignored with its attributes.`,
      'Use the URNs that /Schemas lists.',
    ),
  missingSchema: (pointer: string, urn: string) =>
    found(
      'missing-schema',
      pointer,
      `"schemas" does not name ${urn}, which the body uses.`,
      'List every schema in use in "schemas".',
    ),
  readOnly: (pointer: string, name: string) =>
    found(
      'read-only-attribute',
      pointer,
      `${quoted(name)} is set by the service alone; it was ignored.`,
      'Leave it out.',
    ),
  booleanAsString: (pointer: string) =>
    found(
      'boolean-as-string',
      pointer,
      'A boolean came as a string; it was read as a boolean.',
      'Send true or false without quotes.',
    ),
  numberAsString: (pointer: string) =>
    found(
      'number-as-string',
      pointer,
      'A number came as a string; it was read as a number.',
      'Send the number without quotes.',
    ),
  scalarAsText: (pointer: string) =>
    found(
      'scalar-as-text',
      pointer,
      'A text came as a number or boolean; it was read as the text that it was written as.',
      'Send it in quotes.',
    ),
  singleAsMany: (pointer: string) =>
    found(
      'single-as-many',
      pointer,
      'One value came where an array belongs; it was read as an array of one.',
      'Send an array.',
    ),
  manyAsSingle: (pointer: string) =>
    found(
      'many-as-single',
      pointer,
      'An array of one came where a single value belongs; its element was taken.',
      'Send the value itself.',
    ),
  bareValue: (pointer: string) =>
    found(
      'bare-value',
      pointer,
      'A bare value came where an object belongs; it was taken as its "value".',
      'Send an object like {"value": ...}.',
    ),
  jsonInString: (pointer: string) =>
    found(
      'json-in-string',
      pointer,
      'A JSON object came inside a string; it was read as the object.',
      'Send the object itself.',
    ),
  renamed: (pointer: string, from: string, to: string) =>
    found(
      'renamed-sub-attribute',
      pointer,
      `"${from}" is no sub-attribute here; it was taken as "${to}".`,
      `Send it as "${to}".`,
    ),
  flattenedKey: (pointer: string) =>
    found('flattened-key', pointer, 'A key is a path; it was expanded.', 'Nest the value as the schema has it.'),
  unqualifiedAttribute: (pointer: string, name: string) =>
    found(
      'unqualified-attribute',
      pointer,
      `${quoted(name)} belongs to an extension and came without its URN; it was found all the same.`,
      'Put the URN of the extension and a colon before it.',
    ),
  duplicateValue: (pointer: string) =>
    found(
      'duplicate-value',
      pointer,
      'Two elements have the same type and value; they were merged.',
      'Send each value once per type.',
    ),
  severalPrimaries: (pointer: string) =>
    found(
      'several-primaries',
      pointer,
      'Several elements are primary; the last of them kept the mark.',
      'Mark one at most.',
    ),
  dateTimeForm: (pointer: string) =>
    found(
      'date-time-form',
      pointer,
      'A date and time came in another form; it was read as one in UTC.',
      'Send it like "2026-01-31T12:00:00Z".',
    ),
  repeatedSchema: (pointer: string) =>
    found('repeated-schema', pointer, '"schemas" names one schema twice; it was read once.', 'List each schema once.'),
  adopted: (pointer: string) =>
    found(
      'adopted',
      pointer,
      'The user to be created was there already; it was taken over and changed to what was sent.',
      'Nothing needs to be done. To have such a request refused, set "conflicts" of the connection to "reject".',
    ),
  activeKept: (pointer: string) =>
    found(
      'active-kept',
      pointer,
      '"active" was to become null or [], which says neither that the user may sign in nor that it may not; it was left as it is.',
      'Send true or false, or leave it out.',
    ),
  emptyOperations: (pointer: string) =>
    found(
      'empty-operations',
      pointer,
      'The request has no operations; nothing was changed.',
      'Send at least one operation, or no request.',
    ),
  operationLetterCase: (pointer: string) =>
    found(
      'operation-letter-case',
      pointer,
      '"op" is not in lower case; it was read as if it were.',
      'Send add, replace or remove.',
    ),
  methodLetterCase: (pointer: string) =>
    found(
      'method-letter-case',
      pointer,
      'The method of a bulk operation is not in upper case; it was read as if it were.',
      'Send POST, PUT, PATCH or DELETE.',
    ),
  valueOnRemove: (pointer: string) =>
    found(
      'value-on-remove',
      pointer,
      'A "remove" came with a value; only what it lists was removed.',
      'Select what to remove by a filter in the path.',
    ),
  createdByFilter: (pointer: string) =>
    found(
      'created-by-filter',
      pointer,
      'No element matched the filter in the path; one was created from it.',
      'Add the element first.',
    ),
  unknownFilterAttribute: (pointer: string, name: string) =>
    found(
      'unknown-filter-attribute',
      pointer,
      `No schema of this resource defines ${quoted(name)}; no resource has a value of it, so the term finds none or all.`,
      'Compare an attribute that /Schemas lists, such as userName, externalId or emails.value.',
    ),
  unknownRequestedAttribute: (pointer: string, name: string) =>
    found(
      'unknown-requested-attribute',
      pointer,
      `No schema of this resource defines ${quoted(name)}, so that no answer has it; it was ignored.`,
      'Name attributes that /Schemas lists, those of an extension with its URN and a colon before them.',
    ),
  unknownSortAttribute: (pointer: string, name: string) =>
    found(
      'unknown-sort-attribute',
      pointer,
      `No schema of this resource defines ${quoted(name)}; no resource has a value of it, so that they are in the order of their ids.`,
      'Sort by an attribute that /Schemas lists, such as userName or meta.created.',
    ),
  filterInAttributes: (pointer: string) =>
    found(
      'filter-in-attributes',
      pointer,
      'A name of an attribute to show or to leave out holds a filter, which selects nothing there; it was ignored.',
      'Name the attribute alone, such as emails or emails.value.',
    ),
  filteredSingleValue: (pointer: string) =>
    found(
      'filtered-single-value',
      pointer,
      'A filter has "[...]" after an attribute of one simple value; what is in it was read as being about that value.',
      'Compare the attribute itself, like userName eq "...".',
    ),
  unquotedLiteral: (pointer: string) =>
    found(
      'unquoted-literal',
      pointer,
      'A text in a filter stands without quotes; it was read as text.',
      'Put it in double quotes.',
    ),
  comparedValuePath: (pointer: string) =>
    found(
      'compared-value-path',
      pointer,
      'A filter compares what follows "[...]"; it was read as one element that satisfies both.',
      'Put the comparison into the brackets, like emails[type eq "work" and value eq "..."].',
    ),
  anotherCharset: (pointer: string) =>
    found(
      'another-charset',
      pointer,
      'The Content-Type names a charset other than UTF-8; the body was read as UTF-8 all the same.',
      'Leave the charset out, and encode the body as UTF-8.',
    ),
  anotherDialect: (pointer: string, seen: string) =>
    found(
      'another-dialect',
      pointer,
      `The request calls itself one of ${quoted(seen)}, and the connection is kept as another's; it was held to the rules of the connection.`,
      'Change the identityProvider of the connection if it is wrong.',
    ),
}

function found<const Code extends string>(code: Code, pointer: string, cause: string, fix: string) {
  return { code, pointer, cause, fix }
}

/** A JSON pointer one level deeper. */
export function below(pointer: string, key: string | number): string {
  const name = typeof key === 'string' && !canBeName(key) ? '?' : String(key)
  return `${pointer}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** A name that a client sent, as it may be repeated; what cannot be an attribute's name or a URN may be anything, also a person's. */
function quoted(name: string): string {
  return canBeName(name) ? `"${name}"` : 'a name that no attribute can have'
}

const longestName = 120

function canBeName(text: string): boolean {
  return text.length <= longestName && /^[A-Za-z$][\w$.:/%+~#-]*$/.test(text)
}
