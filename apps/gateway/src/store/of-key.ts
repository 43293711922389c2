/**
 * The condition that `row` has the same columns as `key`, for statements that look many keys up at once: each by the index on these
 * columns. Written as an equality, it could be joined by hashing or sorting all rows of a table that is not yet large or whose
 * statistics are old, which grows with the table until the planner hears of it.
 */
export function isOfKey(row: string, key: string, ...columns: readonly string[]): string {
  return columns.map((column) => `${row}.${column} = ANY(ARRAY[${key}.${column}])`).join(' AND ')
}
