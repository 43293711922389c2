import { ConfigurationError } from '#libs/configuration/index'
import { PortTaken } from '#libs/http/index'
import { createLogger, type Logger, type LogLevel } from '#libs/telemetry/index'
import { type Ending, ending } from './ending.ts'
import { readWithEnvFile } from './env-file.ts'
import { type NamedSecretFiles, openFiles } from './open-files.ts'
import { askedToStop, type AskedToStop } from './signals.ts'
import { StartError } from './start-error.ts'

/** What every program can be told. */
export interface CommonConfiguration extends NamedSecretFiles {
  readonly LATCHKEY_LOG_LEVEL: LogLevel
}

export interface Program<C extends CommonConfiguration> {
  /** Stands in each line of its log. */
  readonly name: string
  /** Reads the environment; throws ConfigurationError. */
  read(env: NodeJS.ProcessEnv): C
  /** Errors of a start whose message is a line that tells a person cause and fix, besides those of `libs/program`. */
  readonly expected?: readonly ErrorClass[]
  /** Starts it, adding what must be ended to `ending` as it goes; answers what is printed now that it is ready. */
  start(starting: Starting<C>): Promise<string>
}

// oxlint-disable-next-line typescript/no-explicit-any -- whatever its constructor takes
type ErrorClass = new (...given: any[]) => Error

export interface Starting<C> {
  readonly configuration: C
  readonly logger: Logger
  readonly ending: Ending
  readonly stop: AskedToStop
}

/**
 * Starts a program and lets it run until it is told to stop: then ends what it started and exits 0. What keeps it from starting
 * is told in one line for each fault, nothing is left behind, and the exit code is 1.
 */
export async function runProgram<C extends CommonConfiguration>(
  env: NodeJS.ProcessEnv,
  program: Program<C>,
): Promise<void> {
  const stop = askedToStop()
  try {
    const parts = await start(env, program, stop)
    await stop.asked
    process.exit((await parts.end()) ? 0 : 1)
  } catch (error) {
    // A Ctrl-C also reaches what was being started.
    if (stop.isAsked()) process.exit(0)
    const expected = [StartError, ConfigurationError, PortTaken, ...(program.expected ?? [])]
    if (!(error instanceof Error) || !expected.some((kind) => error instanceof kind)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(1)
  }
}

async function start<C extends CommonConfiguration>(
  env: NodeJS.ProcessEnv,
  program: Program<C>,
  stop: AskedToStop,
): Promise<Ending> {
  const configuration = readWithEnvFile(env, (variables) => program.read(variables))
  const logger = await createLogger({
    service: program.name,
    level: configuration.LATCHKEY_LOG_LEVEL,
    pretty: process.stderr.isTTY,
    stream: { write: (line: string) => process.stderr.write(line) },
  })
  for (const warning of openFiles(configuration)) logger.warn(warning)
  const parts = ending(logger)
  try {
    process.stdout.write(await program.start({ configuration, logger, ending: parts, stop }))
    return parts
  } catch (error) {
    await parts.end()
    throw error
  }
}
