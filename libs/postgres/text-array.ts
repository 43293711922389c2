/** Of the type `text`, in every Postgres. */
const textOid = 25
const header = 20
const isNull = -1

/**
 * A `text[]` as a parameter, in the binary form of Postgres (`array_send`): the items with their lengths, as they are. A list would be sent as a literal, where
 * each quote of a JSON document is escaped by us and read back by the server.
 */
export function textArray(items: readonly (string | null)[]): Buffer {
  const lengths = items.map((item) => (item === null ? isNull : Buffer.byteLength(item)))
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + Math.max(0, length), header))
  const dimensions = items.length === 0 ? 0 : 1
  let at = bytes.writeInt32BE(dimensions, 0)
  at = bytes.writeInt32BE(lengths.includes(isNull) ? 1 : 0, at)
  at = bytes.writeInt32BE(textOid, at)
  if (dimensions === 0) return bytes.subarray(0, at)
  at = bytes.writeInt32BE(items.length, at)
  // The first has the number 1.
  at = bytes.writeInt32BE(1, at)
  for (const [number, item] of items.entries()) {
    at = bytes.writeInt32BE(lengths[number] ?? isNull, at)
    if (item !== null) at += bytes.write(item, at)
  }
  return bytes
}
