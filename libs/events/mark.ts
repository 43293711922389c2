import { z } from 'zod'
import { eventSources } from './sources.ts'

/**
 * Says, in a partition of a topic, that everything of this source and these shards that was committed before `upTo` stands before it.
 * A mark is no event: nothing happened. It tells silence from being cut off.
 */
export const logMarked = z.object({
  source: z.enum(eventSources),
  shards: z.array(z.int().nonnegative()).min(1),
  upTo: z.iso.datetime(),
})
export type LogMarked = z.infer<typeof logMarked>

export const markName = 'log.marked' as const
