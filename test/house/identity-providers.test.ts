import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identityProviders } from '#libs/events/index'
import { dialects, knownIdentityProviders } from '#libs/scim/index'
import { root } from './root.ts'

test('every kind of connection but "other" has its dialect', () => {
  expect(knownIdentityProviders.map(({ kind }) => kind).sort()).toEqual(
    identityProviders.filter((kind) => kind !== 'other').sort(),
  )
})

test('nothing that reads requests knows an identity provider by name, but the room of quirks', () => {
  const { stdout } = spawnSync('git', ['ls-files', '-z', 'libs/scim', 'apps/gateway/src'], {
    cwd: root,
    encoding: 'utf8',
  })
  const sources = stdout
    .split('\0')
    .filter((file) => /(?<!\.test)\.ts$/.test(file) && !file.startsWith('libs/scim/quirks/'))
  expect(sources.length).toBeGreaterThan(50)
  const names = new RegExp(
    `['"\`](${dialects
      .map(({ name }) => name)
      .filter((name) => name !== 'standard')
      .join('|')})['"\`]`,
  )
  expect(sources.filter((file) => names.test(readFileSync(join(root, file), 'utf8')))).toEqual([])
})
