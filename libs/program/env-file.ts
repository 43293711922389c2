import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { StartError } from './start-error.ts'
import { systemCode } from '#libs/process/index'

/** The environment, and beneath it what the file `.env` says where the program is started, if there is one. */
export function withEnvFile(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  try {
    return { ...parseEnv(readFileSync('.env', 'utf8')), ...env }
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return env
    throw new StartError(
      `The file .env cannot be read (${code ?? 'unknown reason'}). Make it readable for this user, or remove it.`,
    )
  }
}
