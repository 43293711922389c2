import type { Command } from 'commander'
import { rewrapped } from './answers.ts'
import { serverCommand, type World } from './command.ts'

/** Batch by batch, and as often as one likes: what is done is not done again. */
export function rewrapCommand(world: World, version: string): Command {
  return serverCommand(
    'rewrap',
    'have the present KEK wrap all data keys, while everything runs',
    world,
    version,
    async ({ client, show }) => {
      let done = 0
      for (;;) {
        const answer = await client.write('POST', '/data-keys/rewrap', rewrapped, {})
        done += answer.rewrapped
        const { kek, remaining } = answer
        if (remaining === 0) {
          return show(
            { kek, rewrapped: done },
            () => `${done} data keys were wrapped anew: all are wrapped by ${kek.id}, version ${kek.version}.\n`,
          )
        }
        world.err(`latchkey: ${done} of ${done + remaining} data keys are wrapped by ${kek.id}\n`)
      }
    },
  )
}
