import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigurationError } from '#libs/configuration/index'
import { StartError } from './start-error.ts'
import { systemCode } from '#libs/process/index'

/**
 * What `read` makes of the environment, and beneath it of what the file `.env` says where the program is started, if there is one.
 * @throws StartError for a file that cannot be read, ConfigurationError with each of its lines that sets nothing and all that `read` finds
 */
export function readWithEnvFile<C>(env: NodeJS.ProcessEnv, read: (env: NodeJS.ProcessEnv) => C): C {
  const text = textOf('.env') ?? ''
  const { entries, idle: lines } = entriesOf(text)
  const idle = lines.map((line) => ({
    variable: `Line ${line} of the file .env`,
    holds: 'no setting',
    expected: 'NAME=VALUE, or # before a comment',
  }))
  try {
    const configuration = read({ ...parseEnv(entries.join('')), ...env })
    if (idle.length === 0) return configuration
  } catch (error) {
    if (error instanceof ConfigurationError) throw new ConfigurationError([...idle, ...error.faults])
    throw error
  }
  throw new ConfigurationError(idle)
}

/** Without the byte-order mark that it may begin with; undefined where there is no such file. */
function textOf(file: string): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
    if (!text.includes('\0')) return text
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    if (code !== 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      throw new StartError(
        `The file ${file} cannot be read (${code ?? 'unknown reason'}). Make it readable for this user, or remove it.`,
      )
    }
  }
  throw new StartError(`The file ${file} is no text in UTF-8. Save it as such.`)
}

/** Nothing, a comment, or a name with a value, which may go on over several lines within quotes. */
const entry = /[^\S\n]*(?:(?:#[^\n]*)?|[^=\n]+=[^\S\n]*(?:"[^"]*"|'[^']*'|`[^`]*`)?[^\n]*)(?:\n|$)/y

/** Of which `parseEnv` would take the next line for the value. */
const emptyWithBlanks = /^([^=\n#]+=)[^\S\n]+(?=\n|$)/

/** What is a setting, a comment or empty, and the numbers of all other lines, which `parseEnv` would pass over in silence. */
function entriesOf(text: string): { readonly entries: readonly string[]; readonly idle: readonly number[] } {
  const entries: string[] = []
  const idle: number[] = []
  for (let at = 0; at < text.length;) {
    entry.lastIndex = at
    const found = entry.exec(text)?.[0]
    if (found === undefined) idle.push(text.slice(0, at).split('\n').length)
    else entries.push(found.replace(emptyWithBlanks, '$1'))
    const nextLine = text.indexOf('\n', at) + 1 || text.length
    at = found === undefined ? nextLine : at + found.length
  }
  return { entries, idle }
}
