import type { Ending } from '#libs/program/index'

/**
 * Waits for all that is being started. It is ended together too, also when one of them could not be started, or while they are
 * being started: `giveUp` tells those.
 */
export async function together<S extends { stop(): Promise<void> }>(
  name: string,
  limit: number,
  starts: readonly Promise<S>[],
  ending: Ending,
  giveUp: () => void = () => undefined,
): Promise<S[]> {
  ending.add(name, limit, async () => {
    giveUp()
    const started = (await Promise.allSettled(starts)).flatMap((start) =>
      start.status === 'fulfilled' ? [start.value] : [],
    )
    const stops = await Promise.allSettled(started.map((each) => each.stop()))
    const failure = stops.find((stop) => stop.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  })
  return Promise.all(starts)
}
