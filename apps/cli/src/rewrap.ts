import type { Command } from 'commander'
import { z } from 'zod'
import { rewrapped } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { printable } from './words.ts'

const batch = rewrapped.extend({
  failed: z.array(z.looseObject({ tenant: z.string(), dataKey: z.string(), detail: z.string() })).default([]),
  next: z.string().optional(),
})

/** Batch by batch, and as often as one likes: what is done is not done again. What cannot be wrapped is told, and ends it once all else is done. */
export function rewrapCommand(world: World, version: string): Command {
  return serverCommand(
    'rewrap',
    'have the present KEK wrap all data keys, while everything runs',
    world,
    version,
    async ({ client, show }) => {
      const tell = (text: string): void => world.err(`latchkey: ${printable(text)}\n`)
      let done = 0
      let failed = 0
      let after: string | undefined
      for (;;) {
        const answer = await client.write('POST', '/data-keys/rewrap', batch, after === undefined ? {} : { after })
        const { kek, remaining } = answer
        done += answer.rewrapped
        failed += answer.failed.length
        for (const { tenant, dataKey, detail } of answer.failed) {
          tell(`data key ${dataKey} of tenant ${tenant} stays as it is: ${detail}`)
        }
        if (remaining === 0) {
          return show(
            { kek, rewrapped: done },
            () =>
              `Data keys that were wrapped anew: ${done}. All are wrapped by ${printable(`${kek.id}, version ${kek.version}`)}.\n`,
          )
        }
        if (answer.next === undefined && (failed > 0 || answer.rewrapped === 0)) {
          throw new Failure(
            'failed',
            `Data keys that were wrapped anew: ${done}, that could not be: ${remaining}. Mend what is told of each, and try again; until then keep the KEK that wrapped them.`,
          )
        }
        after = answer.next
        tell(`${done} of ${done + remaining} data keys are wrapped by ${kek.id}`)
      }
    },
  )
}
