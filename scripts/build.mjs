/** Installs what is missing, compiles what changed, and removes compiled files whose source is gone. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail, install, root } from './install.mjs'

const rooms = ['apps', 'libs', 'test']
const started = performance.now()
await install()

const compiler = join(root, 'node_modules/@typescript', `typescript-${process.platform}-${process.arch}`)
const { version } = JSON.parse(readFileSync(join(compiler, 'package.json'), 'utf8'))
if (!version.startsWith('7.'))
  fail(`The compiler is TypeScript ${version}, and Latchkey is built with 7: run "npm ci".`)

// The compiler itself does not notice that a compiled file was deleted.
if (rooms.some((room) => lacksOutput(room))) rmSync(join(root, 'dist/.tsbuildinfo'), { force: true })
const { status, error } = spawnSync(join(compiler, 'lib/tsc'), ['-b'], { cwd: root, stdio: 'inherit' })
if (error) fail(`The compiler could not be started (${error.message}): run "npm ci".`)
if (status !== 0) fail('Not built: the type errors above come first.')
for (const room of rooms) prune(room)
makeRunnable(join(root, 'dist/apps/cli/src/main.js'))
if (!process.argv.includes('--quiet')) console.log(`Built in ${((performance.now() - started) / 1000).toFixed(1)} s.`)

function lacksOutput(folder) {
  return entries(folder).some((entry) =>
    entry.isDirectory()
      ? lacksOutput(join(folder, entry.name))
      : isSource(entry.name) && !existsSync(join(root, 'dist', folder, entry.name.replace(/ts$/, 'js'))),
  )
}

function prune(folder) {
  const sources = new Set(entries(folder).map((entry) => entry.name))
  for (const entry of entries(join('dist', folder))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && sources.has(entry.name)) prune(path)
    else if (!sources.has(entry.name.replace(/(\.d\.ts|\.js)(\.map)?$/, '.ts'))) {
      rmSync(join(root, 'dist', path), { recursive: true })
    }
  }
}

function entries(folder) {
  const path = join(root, folder)
  return existsSync(path) ? readdirSync(path, { withFileTypes: true }) : []
}

function isSource(name) {
  return name.endsWith('.ts') && !name.endsWith('.d.ts')
}

function makeRunnable(file) {
  if (existsSync(file)) chmodSync(file, 0o755)
}
