/** Format, lint rules and the boundaries between rooms (.oxlintrc.json). `--fix` mends what can be mended. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fail, install, root } from './install.mjs'

const started = performance.now()
await install()

const fix = process.argv.includes('--fix')
const folders = ['apps', 'deploy', 'libs', 'scripts', 'test'].filter((folder) => existsSync(join(root, folder)))
const files = [
  'docker-compose.yml',
  'package.json',
  'tsconfig.json',
  'nest-cli.json',
  'jest.config.mjs',
  '.oxlintrc.json',
  '.oxfmtrc.json',
]

const formatted = run('oxfmt', fix ? '--write' : '--check', ...folders, ...files)
const clean = run('oxlint', ...(fix ? ['--fix'] : []), ...folders)
if (!formatted) console.error('Not all files are formatted: run "npm run lint -- --fix".')
if (!formatted || !clean) fail('Lint failed.')
console.log(`Lint passed in ${((performance.now() - started) / 1000).toFixed(1)} s.`)

/** Named folders only: without them the linter would walk node_modules. */
function run(tool, ...words) {
  const { status, stdout, stderr, error } = spawnSync(join(root, 'node_modules/.bin', tool), words, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}` },
    maxBuffer: 64 * 1024 * 1024,
  })
  if (error) fail(`${tool} could not be started (${error.message}): run "npm ci".`)
  if (status !== 0) process.stderr.write(stdout + stderr)
  return status === 0
}
