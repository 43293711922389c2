import { Command } from 'commander'
import { Client } from './client.ts'
import { insecureHttp } from './in-clear.ts'
import { readSettings } from './settings.ts'
import { printable } from './words.ts'

export interface World {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Where relative paths begin. */
  readonly folder: string
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** What a command works with. */
export interface Task {
  readonly client: Client
  /** Prints the data alone with --json, the words otherwise. */
  show(data: unknown, words: () => string): void
  /** Tells a person what to heed, beside the output. */
  warn(text: string): void
  /** Tells what is waited for, beside the output, where an answer does not come at once. */
  awaited<T>(answer: Promise<T>, what: string): Promise<T>
}

/** Milliseconds after which a person wonders. */
const patience = 1_000

/** A command that asks the server; `run` gets its options and arguments. */
export function serverCommand<Options extends object, Arguments extends string[]>(
  name: string,
  about: string,
  world: World,
  version: string,
  run: (task: Task, options: Options, ...args: Arguments) => Promise<void>,
): Command {
  return new Command(name)
    .description(about)
    .option('--json', 'print data alone, for programs')
    .option('--url <address>', 'address of the server')
    .option(insecureHttp.flag, insecureHttp.about)
    .action(async (...given: unknown[]) => {
      const command = given.at(-1)
      if (!(command instanceof Command)) throw new TypeError('commander passes the command last')
      const options: Options & { json?: boolean; url?: string; insecureHttp?: boolean } = command.optsWithGlobals()
      const warn = (text: string): void => world.err(`latchkey: ${printable(text)}\n`)
      const client = new Client(readSettings(world.env, world.folder, options), version, warn)
      const show = (data: unknown, words: () => string): void =>
        world.out(options.json === true ? `${JSON.stringify(data)}\n` : words())
      const awaited = <T>(answer: Promise<T>, what: string): Promise<T> => {
        const timer = setTimeout(() => warn(what), patience)
        return answer.finally(() => clearTimeout(timer))
      }
      await run({ client, show, warn, awaited }, options, ...(command.processedArgs as Arguments))
    })
}
