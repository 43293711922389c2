/** Parts into which an outbox is divided, so that several processes relay it side by side: each part by one of them at a time. */
export const shards = 16

/** FNV-1a, 32 bits, of the UTF-16 units: the same on every machine, cheap, and even enough. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193)
  // The last multiplication stirs the low bits least; they decide here.
  return (hash ^ (hash >>> 15)) >>> 0
}

export function shardOf(key: string): number {
  return hashOf(key) % shards
}

export function partitionOf(key: string, partitions: number): number {
  return hashOf(key) % partitions
}

/** The shards from which events can come into a partition: a key's shard and partition are remainders of one number. */
export function feedersOf(partition: number, partitions: number): number[] {
  const step = greatestCommonDivisor(shards, partitions)
  return numbersTo(shards).filter((shard) => shard % step === partition % step)
}

/** The partitions into which a shard's events can go. */
export function partitionsFedBy(shard: number, partitions: number): number[] {
  const step = greatestCommonDivisor(shards, partitions)
  return numbersTo(partitions).filter((partition) => partition % step === shard % step)
}

function numbersTo(end: number): number[] {
  return Array.from({ length: end }, (_, number) => number)
}

function greatestCommonDivisor(one: number, other: number): number {
  return other === 0 ? one : greatestCommonDivisor(other, one % other)
}
