/** How a filter or a PATCH path names an attribute: `[schema:]name[.sub]`, RFC 7644 section 3.10. */
export interface AttributePath {
  /** Everything before the last colon. */
  readonly schema?: string
  readonly name: string
  readonly sub?: string
}

export type ComparisonOperator = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le'

/** A filter of RFC 7644 section 3.4.2.2, as it was written. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly terms: readonly Filter[] }
  | { readonly kind: 'not'; readonly term: Filter }
  | { readonly kind: 'present'; readonly path: AttributePath }
  | {
      readonly kind: 'compare'
      readonly path: AttributePath
      readonly operator: ComparisonOperator
      readonly value: string | number | boolean | null
    }
  /** `emails[type eq "work"]`: one element satisfies the whole filter. */
  | { readonly kind: 'valuePath'; readonly path: AttributePath; readonly filter: Filter }

/** The path as text: what `findAttribute` takes. */
export function printPath(path: AttributePath): string {
  const schema = path.schema === undefined ? '' : `${path.schema}:`
  const sub = path.sub === undefined ? '' : `.${path.sub}`
  return `${schema}${path.name}${sub}`
}
