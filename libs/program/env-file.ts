import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { StartError } from './start-error.ts'
import { systemCode } from '#libs/process/index'

/**
 * The environment, and beneath it what the file `.env` says where the program is started, if there is one.
 * @throws StartError for a file that cannot be read, with one line for each of its lines that sets nothing
 */
export function withEnvFile(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const text = textOf('.env')
  if (text === undefined) return env
  const idle = idleLines(text)
  if (idle.length > 0) {
    const told = idle.map(
      (line) => `Line ${line} of the file .env sets nothing. Write NAME=VALUE, or # before a comment.`,
    )
    throw new StartError(told.join('\n'))
  }
  return { ...parseEnv(text), ...env }
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

/** Numbers of the lines that `parseEnv` passes over in silence. */
function idleLines(text: string): number[] {
  const idle: number[] = []
  for (let at = 0; at < text.length;) {
    entry.lastIndex = at
    const length = entry.exec(text)?.[0].length
    if (length === undefined) idle.push(text.slice(0, at).split('\n').length)
    const end = text.indexOf('\n', at)
    at = length === undefined ? (end === -1 ? text.length : end + 1) : at + length
  }
  return idle
}
