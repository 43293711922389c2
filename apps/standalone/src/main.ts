const [major = 0] = process.versions.node.split('.').map(Number)
if (major < 26) {
  process.stderr.write(
    `Latchkey runs on Node 26, and this is ${process.version}. Start it with "npm start", which brings its own.\n`,
  )
  process.exit(1)
}
// Compiled code is kept between starts beside what it was compiled from; where that cannot be written, it is compiled anew.
const [{ enableCompileCache }, { join }] = await Promise.all([import('node:module'), import('node:path')])
enableCompileCache(join(import.meta.dirname, '../../../.compile-cache'))

const { run } = await import('./run.ts')
await run(process.env)

export {}
