import type { LogMarked } from '#libs/events/index'
import type { ReceivedEvent } from '../deliver.ts'
import type { FetchedBatch } from './client.ts'
import { readRecord } from './records.ts'

/** What was fetched of one partition and is being applied. */
export interface Part {
  readonly partition: string
  readonly fetched: FetchedBatch
  /** How many of its records are done with, and the offset that comes next. */
  done: number
  next: number
  readonly settle: () => void
}

/** Records of one partition that are applied together with those of others. */
export interface Share {
  readonly part: Part
  readonly from: number
  readonly next: number
  readonly count: number
  readonly events: readonly { readonly offset: number; readonly event: ReceivedEvent }[]
  readonly marks: readonly LogMarked[]
}

/** From each part in turn, what fits into a batch of `size` events; what is nobody's concern takes no room. */
export function nextShares(parts: readonly Part[], size: number, concerns: (event: ReceivedEvent) => boolean): Share[] {
  const shares: Share[] = []
  let room = size
  for (const part of parts) {
    if (room === 0) break
    const { topic, partition, records } = part.fetched
    const events: { offset: number; event: ReceivedEvent }[] = []
    const marks: LogMarked[] = []
    let count = 0
    let next = part.next
    for (const record of records.slice(part.done)) {
      if (events.length === room) break
      count++
      next = record.offset + 1
      const read = readRecord(record, topic, partition)
      if (read.kind === 'mark') marks.push(read.mark)
      else if (concerns(read.event)) events.push({ offset: record.offset, event: read.event })
    }
    room -= events.length
    shares.push({ part, from: part.next, next, count, events, marks })
  }
  return shares
}

export function isDone({ done, fetched }: Part): boolean {
  return done >= fetched.records.length
}
