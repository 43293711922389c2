import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readSecretFile, SecretFileError } from '#libs/secret-files/index'
import { codeOf, Failure } from './failure.ts'

export interface Settings {
  /** Address of the server, without a slash at its end. */
  readonly url: string
  /** Whether the token may go to another machine in clear. */
  readonly insecure: boolean
  /** Undefined when none was found. */
  readonly token: string | undefined
  readonly dataFolder: string
  /** Whether the server has to prove that it is of the data folder before it is sent the token: nobody named its address. */
  readonly mustProveItself: boolean
  /** By what it does; undefined where there is no key in the folder. */
  readonly addressKey: string | undefined
  /** The programs of the server, by name, where each service is one; none when the address was not found in the data folder. */
  readonly services: Readonly<Record<string, string>>
}

const usualUrl = 'http://127.0.0.1:8080'

/**
 * Address and admin token, each from where it is named first: the option, the environment, then the files `url` and
 * `admin-token` that the server writes into its data folder (LATCHKEY_DATA, or ./data).
 */
export function readSettings(
  env: Readonly<Record<string, string | undefined>>,
  folder: string,
  { url: option, insecureHttp: insecure = false }: { readonly url?: string; readonly insecureHttp?: boolean },
): Settings {
  const dataFolder = resolve(folder, present(env['LATCHKEY_DATA']) ?? 'data')
  const named = present(option) ?? present(env['LATCHKEY_URL'])
  const found = named === undefined ? foundIn(dataFolder) : undefined
  const url = named ?? found?.url ?? usualUrl
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? '')) {
    throw new Failure(
      'usage',
      `The address ${JSON.stringify(url)} is not a URL. Give one such as ${usualUrl} with --url or LATCHKEY_URL.`,
    )
  }
  const given = present(env['LATCHKEY_ADMIN_TOKEN'])
  return {
    url: url.replace(/\/+$/, ''),
    insecure,
    token: given ?? contentOf(dataFolder, 'admin-token', readSecretFile),
    dataFolder,
    // A token of the environment may go to the usual address, which whoever set it can know.
    mustProveItself: named === undefined && (given === undefined || found?.url !== undefined),
    addressKey: found?.addressKey,
    services: found?.services ?? {},
  }
}

/** What the server's data folder tells of where it is. */
function foundIn(dataFolder: string): {
  readonly url: string | undefined
  readonly services: Readonly<Record<string, string>>
  readonly addressKey: string | undefined
} {
  return {
    url: contentOf(dataFolder, 'url', readOpenFile),
    services: readServices(contentOf(dataFolder, 'services', readOpenFile) ?? ''),
    addressKey: contentOf(dataFolder, 'address-key', readSecretFile),
  }
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

/** What a file of the data folder holds; undefined where there is none, or nothing in it. */
function contentOf(dataFolder: string, name: string, read: (path: string) => string | undefined): string | undefined {
  const path = join(dataFolder, name)
  try {
    return present(read(path))
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    if (error instanceof SecretFileError && error.fault === 'readable-by-others') {
      throw new Failure('notAllowed', error.message)
    }
    throw new Failure(
      'notAllowed',
      `${path} cannot be read (${code ?? String(error)}). Run this as the user that runs the server, or set LATCHKEY_URL and LATCHKEY_ADMIN_TOKEN.`,
    )
  }
}

const readOpenFile = (path: string): string => readFileSync(path, 'utf8')

function present(text: string | undefined): string | undefined {
  const trimmed = text?.trim()
  return trimmed === '' ? undefined : trimmed
}
