/** What one filter, or one path of a PATCH, may ask of the server. What is beyond them is refused before any work is done for it. */
export const filterLimits = {
  /** UTF-16 code units. */
  length: 8192,
  /** Parentheses, `not` and value paths in each other. */
  depth: 24,
  /** Comparisons and presence tests. */
  terms: 200,
}
