/** Runs jest on the built files. Words are passed on: `npm test -- scim` runs the tests whose path holds "scim". */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fail, root } from './install.mjs'

if (!process.version.startsWith('v26.')) {
  fail(`Latchkey runs on Node 26, and this is ${process.version}: run "npm ci --include=optional", which brings it.`)
}
const jest = spawn(
  process.execPath,
  ['--experimental-vm-modules', '--no-warnings', join(root, 'node_modules/jest/bin/jest.js'), ...process.argv.slice(2)],
  { cwd: root, stdio: ['inherit', 'inherit', 'inherit', 'ipc'] },
)
// Ctrl-C reaches jest too; its answer is waited for.
process.on('SIGINT', () => {})

let result
jest.on('message', (message) => (result = message))
jest.on('close', (code) => {
  // A run that ends before its first test has failed as a whole.
  const { passed, failed } = result ?? { passed: 0, failed: code === 0 ? 0 : 1 }
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = code ?? 1
})
