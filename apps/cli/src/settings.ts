import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { codeOf, Failure } from './failure.ts'

export interface Settings {
  /** Address of the server, without a slash at its end. */
  readonly url: string
  /** Whether the token may go to another machine in clear. */
  readonly insecure: boolean
  /** Undefined when none was found. */
  readonly token: string | undefined
  readonly dataFolder: string
  /** The programs of the server, by name, where each service is one; none when the address was not found in the data folder. */
  readonly services: Readonly<Record<string, string>>
}

const usualUrl = 'http://127.0.0.1:8080'

/**
 * Address and admin token, each from where it is named first: the option, the environment, then the files `url` and
 * `admin-token` that the server writes into its data folder (LATCHKEY_DATA, or ./data).
 */
export async function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  { url: option, insecureHttp: insecure = false }: { readonly url?: string; readonly insecureHttp?: boolean },
): Promise<Settings> {
  const dataFolder = resolve(folder, present(env['LATCHKEY_DATA']) ?? 'data')
  const named = present(option) ?? present(env['LATCHKEY_URL'])
  const url = named ?? (await contentOf(dataFolder, 'url')) ?? usualUrl
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Failure(
      'usage',
      `The address ${JSON.stringify(url)} is not a URL. Give one such as ${usualUrl} with --url or LATCHKEY_URL.`,
    )
  }
  const token = present(env['LATCHKEY_ADMIN_TOKEN']) ?? (await contentOf(dataFolder, 'admin-token'))
  const services = named === undefined ? ((await contentOf(dataFolder, 'services')) ?? '') : ''
  return { url: url.replace(/\/+$/, ''), insecure, token, dataFolder, services: readServices(services) }
}

/** Lines of name and address. */
function readServices(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, name, url] = /^(\w+) (https?:\/\/\S+)$/.exec(line) ?? []
      return name === undefined || url === undefined ? [] : [[name, url]]
    }),
  )
}

async function contentOf(dataFolder: string, name: string): Promise<string | undefined> {
  const path = join(dataFolder, name)
  try {
    return present(await readFile(path, 'utf8'))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new Failure(
      'notAllowed',
      `${path} cannot be read (${code ?? String(error)}). Run this as the user that runs the server, or set LATCHKEY_URL and LATCHKEY_ADMIN_TOKEN.`,
    )
  }
}

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}
