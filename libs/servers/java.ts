import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ServerError } from './errors.ts'

const oldest = 17

/** The program `java`: of JAVA_HOME when that is set, else as PATH finds it. */
export function javaProgram(): string {
  const home = process.env['JAVA_HOME']
  return home === undefined || home === '' ? 'java' : join(home, 'bin/java')
}

/**
 * Asks Java for its version, which takes a tenth of a second: before the fetch, and to explain a start that failed.
 * @throws ServerError java-missing, java-too-old
 */
export function checkJava(): void {
  const program = javaProgram()
  const { error, status, stderr } = spawnSync(program, ['-version'], { encoding: 'utf8' })
  if (error !== undefined || status !== 0) {
    const where = program === 'java' ? 'on the PATH' : `at ${program}, where JAVA_HOME points`
    throw new ServerError(
      'java-missing',
      `Kafka needs Java ${oldest} or newer, and none runs ${where}: install one, or set JAVA_HOME to it.`,
    )
  }
  // Java 8 calls itself 1.8.
  const version = /version "(?:1\.)?(\d+)/.exec(stderr)?.[1]
  if (version !== undefined && Number(version) < oldest) {
    throw new ServerError(
      'java-too-old',
      `Kafka needs Java ${oldest} or newer, and ${program} is Java ${version}: install a newer one, or set JAVA_HOME to it.`,
    )
  }
}
