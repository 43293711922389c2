import { type LogMarked, topics as topicList } from '#libs/events/index'
import { readTopic } from './records.ts'
import { feedersOf } from './shards.ts'

/** What the marks of a partition tell: up to when (in milliseconds) it is complete, once every shard that feeds it from an awaited source has said so. */
export class Marks {
  readonly #prefix: string
  readonly #upTo = new Map<string, Map<string, number>>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  add(partition: string, { source, shards, upTo }: LogMarked): void {
    const known = this.#upTo.get(partition) ?? new Map<string, number>()
    for (const shard of shards) known.set(`${source} ${shard}`, Date.parse(upTo))
    this.#upTo.set(partition, known)
  }

  /** Of a partition `TOPIC/NUMBER` of a topic that has so many. */
  upTo(partition: string, partitions: number): number | undefined {
    const at = partition.lastIndexOf('/')
    const topic = readTopic(this.#prefix, partition.slice(0, at))
    const known = this.#upTo.get(partition)
    if (topic === undefined || known === undefined) return undefined
    let least = Infinity
    for (const source of topicList[topic].awaited) {
      for (const shard of feedersOf(Number(partition.slice(at + 1)), partitions)) {
        const upTo = known.get(`${source} ${shard}`)
        if (upTo === undefined) return undefined
        least = Math.min(least, upTo)
      }
    }
    return least
  }

  clear(): void {
    this.#upTo.clear()
  }
}
