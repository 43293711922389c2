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

  add(partition: string, mark: LogMarked): void {
    this.#upTo.set(partition, withMarks(this.#upTo.get(partition) ?? new Map<string, number>(), [mark]))
  }

  /** Of a partition `TOPIC/NUMBER` of a topic that has so many, where these marks stand in it behind those that were added. */
  upTo(partition: string, partitions: number, behind: readonly LogMarked[] = []): number | undefined {
    const at = partition.lastIndexOf('/')
    const topic = readTopic(this.#prefix, partition.slice(0, at))
    if (topic === undefined) return undefined
    const added = this.#upTo.get(partition)
    const known = behind.length === 0 ? added : withMarks(new Map(added), behind)
    if (known === undefined) return undefined
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

function withMarks(known: Map<string, number>, marks: readonly LogMarked[]): Map<string, number> {
  for (const { source, shards, upTo } of marks) {
    for (const shard of shards) known.set(`${source} ${shard}`, Date.parse(upTo))
  }
  return known
}
