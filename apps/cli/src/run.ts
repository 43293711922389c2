import { readFile } from 'node:fs/promises'
import { Command, CommanderError } from 'commander'
import { z } from 'zod'
import { connectionsCommand } from './connections.ts'
import type { World } from './command.ts'
import { deadLettersCommand } from './dead-letters.ts'
import { deletedCommand } from './deleted.ts'
import { detectionsCommand } from './detections.ts'
import { exitCodes, Failure } from './failure.ts'
import { gathered } from './gathered.ts'
import { guardCommand } from './guard.ts'
import { insecureHttp } from './in-clear.ts'
import { keysCommand } from './keys.ts'
import { requestsCommand } from './requests.ts'
import { scanCommand } from './scan.ts'
import { schemasCommand } from './schemas.ts'
import { signCommand } from './sign.ts'
import { signProxyCommand } from './sign-proxy.ts'
import { statusCommand } from './status.ts'
import { tenantsCommand } from './tenants.ts'
import { tokensCommand } from './tokens.ts'
import { printable } from './words.ts'

/** Runs one command and gives its exit code: 0 done, 1 failed, 2 usage, 3 not allowed, 4 not found. */
export async function run(args: readonly string[], world: World): Promise<number> {
  const version = await ownVersion()
  const program = new Command('latchkey')
    .description('administers tenants, connections and provisioning keys of a Latchkey server')
    .version(version)
    .option('--json', 'print data alone, for programs')
    .option('--url <address>', 'address of the server')
    .option(insecureHttp.flag, insecureHttp.about)
    .addCommand(tenantsCommand(world, version))
    .addCommand(connectionsCommand(world, version))
    .addCommand(schemasCommand(world, version))
    .addCommand(keysCommand(world, version))
    .addCommand(signCommand(world))
    .addCommand(signProxyCommand(world))
    .addCommand(tokensCommand(world, version))
    .addCommand(deletedCommand(world, version))
    .addCommand(guardCommand(world, version))
    .addCommand(requestsCommand(world, version))
    .addCommand(detectionsCommand(world, version))
    .addCommand(deadLettersCommand(world, version))
    .addCommand(scanCommand(world))
    .addCommand(statusCommand(world, version))
    .addHelpText(
      'after',
      `
The server is found by --url, LATCHKEY_URL or the file "url" in its data folder (LATCHKEY_DATA, or ./data),
where it has to prove that it is of that folder; the admin token by LATCHKEY_ADMIN_TOKEN or the file
"admin-token" there. Over plain HTTP it is sent to this machine alone, unless ${insecureHttp.flag} is given.`,
    )
  configure(program, world)
  try {
    await program.parseAsync(args, { from: 'user' })
    return exitCodes.done
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    const failure = error instanceof Failure ? error : new Failure('failed', String(error))
    world.err(`latchkey: ${printable(failure.message)}\n`)
    return exitCodes[failure.kind]
  }
}

/** Commander hands these down only to commands that it makes itself. */
function configure(command: Command, world: World): void {
  command.exitOverride().configureOutput({
    writeOut: world.out,
    writeErr: world.err,
    outputError: (text, write) => write(`${text.trim().replace(/^error: /, 'latchkey: ')} (see --help)\n`),
  })
  refuseRepeated(command)
  for (const child of command.commands) configure(child, world)
}

/** Commander takes the last of what is given more than once. */
function refuseRepeated(command: Command): void {
  for (const option of command.options) {
    if (option.isBoolean() || option.parseArg === gathered) continue
    let isGiven = false
    command.on(`option:${option.name()}`, () => {
      if (isGiven) command.error(`error: option '${option.flags}' is given more than once`)
      isGiven = true
    })
  }
}

async function ownVersion(): Promise<string> {
  const file = new URL('../../../../package.json', import.meta.url)
  return z.object({ version: z.string() }).parse(JSON.parse(await readFile(file, 'utf8'))).version
}
