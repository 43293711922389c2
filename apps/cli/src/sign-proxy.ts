import { once } from 'node:events'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { World } from './command.ts'
import { isLoopback } from '#libs/addresses/index'
import { codeOf, Failure } from './failure.ts'
import { gathered } from './gathered.ts'
import { insecureHttp, isInClear } from './in-clear.ts'
import { readKeyFile } from './key-file.ts'
import { printable } from './words.ts'

interface Options {
  readonly to: string
  readonly key: readonly string[]
  readonly port: string
  readonly host: string
  readonly bodyLimit: string
  readonly insecureHttp?: boolean
}

/** Runs until it is told to stop. */
export function signProxyCommand(world: World): Command {
  return new Command('sign-proxy')
    .description('sign what an identity provider sends that cannot sign, and pass it on')
    .requiredOption('--to <url>', 'the SCIM base URL that was shown with the key')
    .requiredOption(
      '--key <file>',
      'file of the key, as "latchkey keys mint --save" writes it; may be repeated, for the other key during a rotation',
      gathered,
    )
    .option('--port <number>', 'that it listens on; 0 takes a free one', '8090')
    .option('--host <address>', 'that it listens on', '127.0.0.1')
    .option('--body-limit <bytes>', 'largest body; it is held in memory while it is signed', '4194304')
    .option(insecureHttp.flag, insecureHttp.about)
    .action(async (given: Options, command: Command) => {
      const options: Options = { ...command.optsWithGlobals(), ...given }
      const to = URL.parse(options.to)
      if (to === null || !/^https?:$/.test(to.protocol) || to.search !== '') {
        throw new Failure('usage', 'What --to names is no SCIM base URL, such as https://HOST/scim/v2/CONNECTION.')
      }
      if (isInClear(to) && options.insecureHttp !== true) {
        throw new Failure(
          'usage',
          `The key would go to ${to.host} in clear, for whoever is on the way to read, and Latchkey takes no plain HTTP from elsewhere unless told so: nothing was sent. Give the https address with --to, or ${insecureHttp.flag} where nobody else is on the way.`,
        )
      }
      const [port, bodyLimit] = [
        numberOf(options.port, '--port', 65_535),
        numberOf(options.bodyLimit, '--body-limit', 67_108_864),
      ]
      const keys = options.key.map((file) => readKeyFile(resolve(world.folder, file)))
      const { startSigningProxy } = await import('./signing-proxy.ts')
      const { host } = options
      const proxy = await startSigningProxy({ to, keys, host, port, bodyLimit }).catch((error: unknown) => {
        throw new Failure(
          'failed',
          `Nothing can listen on ${host}:${port} (${codeOf(error) ?? 'unknown reason'}). Name a free one with --port.`,
        )
      })
      if (!isLoopback(host)) {
        world.err(
          `latchkey: ${printable(host)} is reached by others, and the key comes to it in clear: have nobody but the identity provider reach it\n`,
        )
      }
      const told = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
      const names = keys.map(({ signer }) => signer.keyid).join(', ')
      world.out(
        `Signing for ${keys.length === 1 ? 'key' : 'keys'} ${names}. Give the identity provider this SCIM base URL: ${proxy.url}\n`,
      )
      await told
      await proxy.stop()
    })
}

function numberOf(text: string, option: string, most: number): number {
  const value = /^\d{1,8}$/.test(text) ? Number(text) : Infinity
  if (value <= most) return value
  throw new Failure('usage', `${option} is no number from 0 to ${most}.`)
}
