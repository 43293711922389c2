import { clip } from './error.ts'

/** Something in a request that is not as the RFC has it and was accepted all the same: shown in the request's diagnosis. */
export interface Deviation {
  /** Stable: what software and people can look up. */
  readonly code: string
  /** JSON pointer (RFC 6901) into the request's body. */
  readonly pointer: string
  readonly cause: string
  readonly fix: string
}

/** Every deviation there is. */
export const deviations = {
  unknownAttribute: (pointer: string, name: string): Deviation => ({
    code: 'unknown-attribute',
    pointer,
    cause: `No schema of this resource defines ${clip(name)}; it was ignored.`,
    fix: 'Remove it from the mapping, or put it below the URN of the extension that defines it.',
  }),
  unknownSchema: (pointer: string, urn: string): Deviation => ({
    code: 'unknown-schema',
    pointer,
    cause: `The schema ${clip(urn)} is not known here; it was ignored with its attributes.`,
    fix: 'Use the URNs that /Schemas lists.',
  }),
  missingSchema: (pointer: string, urn: string): Deviation => ({
    code: 'missing-schema',
    pointer,
    cause: `"schemas" does not name ${urn}, which the body uses.`,
    fix: 'List every schema in use in "schemas".',
  }),
  readOnly: (pointer: string, name: string): Deviation => ({
    code: 'read-only-attribute',
    pointer,
    cause: `"${name}" is set by the service alone; it was ignored.`,
    fix: `Leave "${name}" out.`,
  }),
  booleanAsString: (pointer: string): Deviation => ({
    code: 'boolean-as-string',
    pointer,
    cause: 'A boolean came as a string; it was read as a boolean.',
    fix: 'Send true or false without quotes.',
  }),
  numberAsString: (pointer: string): Deviation => ({
    code: 'number-as-string',
    pointer,
    cause: 'A number came as a string; it was read as a number.',
    fix: 'Send the number without quotes.',
  }),
  scalarAsText: (pointer: string): Deviation => ({
    code: 'scalar-as-text',
    pointer,
    cause: 'A text came as a number or boolean; it was read as text.',
    fix: 'Send it in quotes.',
  }),
  singleAsMany: (pointer: string): Deviation => ({
    code: 'single-as-many',
    pointer,
    cause: 'One value came where an array belongs; it was read as an array of one.',
    fix: 'Send an array.',
  }),
  manyAsSingle: (pointer: string): Deviation => ({
    code: 'many-as-single',
    pointer,
    cause: 'An array of one came where a single value belongs; its element was taken.',
    fix: 'Send the value itself.',
  }),
  bareValue: (pointer: string): Deviation => ({
    code: 'bare-value',
    pointer,
    cause: 'A bare value came where an object belongs; it was taken as its "value".',
    fix: 'Send an object like {"value": ...}.',
  }),
  jsonInString: (pointer: string): Deviation => ({
    code: 'json-in-string',
    pointer,
    cause: 'A JSON object came inside a string; it was read as the object.',
    fix: 'Send the object itself.',
  }),
  renamed: (pointer: string, from: string, to: string): Deviation => ({
    code: 'renamed-sub-attribute',
    pointer,
    cause: `"${from}" is no sub-attribute here; it was taken as "${to}".`,
    fix: `Send it as "${to}".`,
  }),
  flattenedKey: (pointer: string): Deviation => ({
    code: 'flattened-key',
    pointer,
    cause: 'A key is a path; it was expanded.',
    fix: 'Nest the value as the schema has it.',
  }),
  duplicateValue: (pointer: string): Deviation => ({
    code: 'duplicate-value',
    pointer,
    cause: 'Two elements have the same type and value; they were merged.',
    fix: 'Send each value once per type.',
  }),
  emptyOperations: (pointer: string): Deviation => ({
    code: 'empty-operations',
    pointer,
    cause: 'The request has no operations; nothing was changed.',
    fix: 'Send at least one operation, or no request.',
  }),
  valueOnRemove: (pointer: string): Deviation => ({
    code: 'value-on-remove',
    pointer,
    cause: 'A "remove" came with a value; only what it lists was removed.',
    fix: 'Select what to remove by a filter in the path.',
  }),
  createdByFilter: (pointer: string): Deviation => ({
    code: 'created-by-filter',
    pointer,
    cause: 'No element matched the filter in the path; one was created from it.',
    fix: 'Add the element first.',
  }),
  severalPrimaries: (pointer: string): Deviation => ({
    code: 'several-primaries',
    pointer,
    cause: 'Several elements are primary; the last of them kept the mark.',
    fix: 'Mark one at most.',
  }),
  dateTimeForm: (pointer: string): Deviation => ({
    code: 'date-time-form',
    pointer,
    cause: 'A date and time came in another form; it was read as one in UTC.',
    fix: 'Send it like "2026-01-31T12:00:00Z".',
  }),
  repeatedSchema: (pointer: string): Deviation => ({
    code: 'repeated-schema',
    pointer,
    cause: '"schemas" names one schema twice; it was read once.',
    fix: 'List each schema once.',
  }),
  adopted: (pointer: string): Deviation => ({
    code: 'adopted',
    pointer,
    cause: 'The user to be created was there already; it was taken over and changed to what was sent.',
    fix: 'Nothing needs to be done. To have such a request refused, set "conflicts" of the connection to "reject".',
  }),
}

/** A JSON pointer one level deeper. */
export function below(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`
}
