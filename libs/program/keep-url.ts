import { every } from '#libs/timing/index'
import type { DataFolder } from './data-folder.ts'
import type { Starting } from './run.ts'

/** Milliseconds. */
const lookEvery = 10_000

/** Writes the address of the admin API into the data folder, and again whenever nobody of the folder answers at the one that stands there. */
export async function keepUrl(
  folder: DataFolder,
  url: string,
  { ending, logger }: Pick<Starting<unknown>, 'ending' | 'logger'>,
  milliseconds = lookEvery,
): Promise<void> {
  await folder.writeUrl(url)
  const looking = every(
    milliseconds,
    () => folder.writeUrl(url),
    (error) =>
      logger.warn({ err: error }, `the command line may not find this server: ${folder.file('url')} cannot be kept`),
  )
  ending.add('the look at the address of the admin API', 2_000, () => looking.end())
}
