import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { signRequest } from '#libs/signatures/index'
import type { World } from './command.ts'
import { codeOf, Failure } from './failure.ts'
import { readKeyFile } from './key-file.ts'

interface Options {
  readonly key: string
  readonly body?: string
  readonly contentType: string
  readonly dryRun?: boolean
}

/** Asks no server: the headers of one signed request, for `curl -H @-`. */
export function signCommand(world: World): Command {
  return new Command('sign')
    .description('print the headers that make one request a signed one, for curl -H @-')
    .argument('<method>', 'such as POST')
    .argument('<url>', 'whole, with its query, as it is to be called')
    .requiredOption('--key <file>', 'file of the key, as "latchkey keys mint --save" writes it')
    .option('--body <file>', 'what is sent, byte for byte')
    .option('--content-type <type>', 'of the body', 'application/scim+json')
    .option('--dry-run', 'send and sign Latchkey-Dry-Run: true: the request is answered, and nothing is stored')
    .action(async (method: string, address: string, options: Options) => {
      if (!/^[\w!#$%&'*+.^`|~-]+$/.test(method)) throw new Failure('usage', 'The method is none, such as POST.')
      if (!/^[\t\x20-\x7e]+$/.test(options.contentType))
        throw new Failure('usage', 'The content type is none that a header can hold, such as application/scim+json.')
      const url = URL.parse(address)
      if (url === null || !/^https?:$/.test(url.protocol))
        throw new Failure('usage', 'The URL is none that begins with http:// or https://.')
      const key = readKeyFile(resolve(world.folder, options.key))
      const body = options.body === undefined ? undefined : await contentOf(resolve(world.folder, options.body))
      const contentType = body === undefined ? undefined : options.contentType
      const dryRun = options.dryRun === true ? 'true' : undefined
      const request = { method: method.toUpperCase(), url, contentType, body, dryRun }
      const signed = signRequest(request, key.signer, { now: new Date() })
      const headers = {
        Authorization: `Bearer ${key.text}`,
        ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
        ...(dryRun === undefined ? {} : { 'Latchkey-Dry-Run': dryRun }),
        ...signed,
      }
      for (const [name, value] of Object.entries(headers)) world.out(`${name}: ${value}\n`)
      if (![address, `${address}/`].includes(url.href))
        world.err(`latchkey: this is signed for ${url.href}: call exactly that\n`)
    })
}

async function contentOf(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (error) {
    throw new Failure('usage', `${path} cannot be read (${codeOf(error) ?? String(error)}). Give the file of the body.`)
  }
}
