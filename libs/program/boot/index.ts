/** Whatever Node this is: the first lines of every program. Imports nothing before the version is known to be right. */

/**
 * Runs the program that `load` imports, on the Node that Latchkey is made for, else ends with code 1 and a line that says so.
 * Compiled code is kept between starts beside what it was compiled from; where that cannot be written, it is compiled anew.
 */
export async function boot(load: () => Promise<{ run(env: NodeJS.ProcessEnv): Promise<void> }>): Promise<void> {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major < 26) {
    process.stderr.write(
      `Latchkey runs on Node 26, and this is ${process.version}. Start it with "npm start", which brings its own.\n`,
    )
    process.exit(1)
  }
  const [{ enableCompileCache }, { join }] = await Promise.all([import('node:module'), import('node:path')])
  enableCompileCache(join(import.meta.dirname, '../../../.compile-cache'))
  await import('reflect-metadata')
  const { run } = await load()
  await run(process.env)
}
