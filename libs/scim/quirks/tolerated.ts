/** Names that clients use for a sub-attribute of another name. */
export const renamedSubAttributes = [
  {
    attribute: 'roles',
    from: 'displayName',
    to: 'display',
    evidence: 'entra, "roles POST with displayName sub-attribute": documented',
  },
  {
    attribute: 'manager',
    from: 'managerId',
    to: 'value',
    evidence: 'onelogin, "create with template artefacts": template',
  },
] as const

/** Attributes whose `value` may hold the whole element as JSON in a string. */
export const jsonInStringAttributes = [
  { attribute: 'roles', evidence: 'entra, "roles PATCH as JSON string": documented' },
] as const
