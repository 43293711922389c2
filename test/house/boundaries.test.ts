import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { root } from './root.ts'

/** Each file's one line, and the rule that must refuse it. */
const refused: readonly [file: string, line: string, rule: string][] = [
  ['libs/credentials/nest.ts', "import '@nestjs/common'", 'no-restricted-imports'],
  ['libs/http/database.ts', "import 'pg'", 'no-restricted-imports'],
  ['libs/telemetry/entities.ts', "import 'typeorm'", 'no-restricted-imports'],
  ['libs/eventlog/broker.ts', "import 'kafkajs'", 'no-restricted-imports'],
  ['libs/eventlog/nest/database.ts', "import 'pg'", 'no-restricted-imports'],
  ['libs/eventlog/postgres/nest.ts', "import '@nestjs/microservices'", 'no-restricted-imports'],
  ['libs/postgres/redis.ts', "import 'ioredis'", 'no-restricted-imports'],
  ['libs/cache/limits.ts', "import 'ioredis'", 'no-restricted-imports'],
  ['libs/rates/redis-limiter.ts', "import 'ioredis'", 'no-restricted-imports'],
  ['libs/sealing/keyring.ts', "await import('@aws-sdk/client-kms')", 'no-restricted-imports'],
  ['apps/gateway/src/steps/signature.ts', "import 'structured-headers'", 'no-restricted-imports'],
  ['apps/gateway/src/steps/proof.ts', "import 'sodium-native'", 'no-restricted-imports'],
  ['libs/events/app.ts', "import '#apps/keys/src/index'", 'no-restricted-imports'],
  ['libs/events/app.test.ts', "import '#apps/keys/src/index'", 'no-restricted-imports'],
  ['libs/eventlog/postgres/app-by-path.ts', "import '../../../apps/keys/src/index.ts'", 'no-restricted-imports'],
  ['libs/events/from-test.ts', "import '#test/servers/postgres'", 'no-restricted-imports'],
  ['libs/events/past-a-door.ts', "import '#libs/scim/filter/parse'", 'no-restricted-imports'],
  ['libs/events/past-a-door-by-path.ts', "import '../scim/door.ts'", 'no-relative-parent-imports'],
  ['libs/events/late.ts', "await import('typeorm')", 'no-restricted-imports'],
  ['libs/events/again.ts', "export * from 'pg'", 'no-restricted-imports'],
  ['libs/events/type.ts', "import type { Pool } from 'pg'\nexport type Mine = Pool", 'no-restricted-imports'],
  ['libs/events/conformance.ts', "import '#libs/eventlog/conformance/index'", 'no-restricted-imports'],
  ['libs/events/arbitrary.ts', "import '#libs/scim/arbitrary/index'", 'no-restricted-imports'],
  ['libs/scim/filter/arbitrary.ts', "import 'fast-check'", 'no-restricted-imports'],
  ['libs/scim/lib.ts', "import '#libs/events/index'", 'no-restricted-imports'],
  ['libs/scim/package.ts', "import 'zod'", 'no-restricted-imports'],
  ['libs/scim/built-in.ts', "import 'node:fs'", 'no-restricted-imports'],
  ['libs/scim/filter/outside.ts', "import '../../events/door.ts'", 'no-restricted-imports'],
  ['libs/scim/filter/outside.test.ts', "import '../../events/door.ts'", 'no-restricted-imports'],
  ['apps/keys/src/noun.ts', "import '@nestjs/common'", 'no-restricted-imports'],
  ['apps/keys/src/noun-with-database.ts', "import 'pg'", 'no-restricted-imports'],
  ['apps/keys/src/http/entities.ts', "import 'typeorm'", 'no-restricted-imports'],
  ['apps/keys/src/http/database.ts', "import 'pg'", 'no-restricted-imports'],
  ['apps/keys/src/events/broker.ts', "import 'kafkajs'", 'no-restricted-imports'],
  ['apps/keys/src/store/nest.ts', "import '@nestjs/common'", 'no-restricted-imports'],
  ['apps/keys/src/store/redis.ts', "import 'ioredis'", 'no-restricted-imports'],
  ['apps/keys/src/keys.module.ts', "import 'pg'", 'no-restricted-imports'],
  ['apps/keys/src/main.ts', "import '#apps/audit/src/index'", 'no-restricted-imports'],
  ['apps/keys/src/stranger.test.ts', "import '#apps/audit/src/index'", 'no-restricted-imports'],
  ['apps/keys/src/http/stranger.ts', "import '../../../audit/src/index.ts'", 'no-restricted-imports'],
  ['apps/cli/src/app.ts', "import '#apps/keys/src/index'", 'no-restricted-imports'],
  ['apps/standalone/src/past-a-door.ts', "import '#apps/keys/src/store/keys'", 'no-restricted-imports'],
  ['apps/distributed/src/past-a-door.ts', "import '#apps/keys/src/store/keys'", 'no-restricted-imports'],
  ['libs/program/app.ts', "import '#apps/keys/src/index'", 'no-restricted-imports'],
  ['libs/program/database.ts', "import 'pg'", 'no-restricted-imports'],
  ['apps/keys/src/run.ts', "import '#apps/gateway/src/index'", 'no-restricted-imports'],
  ['test/past-a-door.ts', "import '#apps/keys/src/tenant'", 'no-restricted-imports'],
  ['libs/events/loud.ts', "console.log('here')", 'no-console'],
  ['libs/events/any.ts', 'export const anything = (value: any): boolean => value === 1', 'no-explicit-any'],
  ['libs/events/floating.ts', 'const later = async () => 1\nlater()', 'no-floating-promises'],
  ['libs/events/unused.ts', 'const unused = 1', 'no-unused-vars'],
  ['libs/events/skipped.test.ts', "test.skip('later', () => {})", 'no-disabled-tests'],
]

const accepted: readonly [file: string, line: string][] = [
  ['libs/events/door.ts', "import '#libs/scim/index'\nexport const door = 1"],
  ['libs/scim/door.ts', 'export const door = 1'],
  ['libs/scim/filter/inside.ts', "import '../door.ts'\nexport const inside = 1"],
  ['libs/scim/filter/inside.test.ts', "import 'fast-check'\nimport '../door.ts'\nimport './inside.ts'"],
  ['libs/scim/arbitrary/words.ts', "import 'fast-check'\nimport '../door.ts'"],
  ['libs/events/arbitrary.test.ts', "import '#libs/scim/arbitrary/index'\nimport 'fast-check'"],
  ['libs/http/nest.ts', "import '@nestjs/common'"],
  ['libs/telemetry/nest.ts', "import '@nestjs/common'"],
  ['libs/postgres/entities.ts', "import 'typeorm'\nimport 'pg'"],
  ['libs/cache/redis.ts', "import 'ioredis'"],
  ['libs/sealing/aws-kms.ts', "await import('@aws-sdk/client-kms')"],
  ['libs/signatures/sign.ts', "import 'structured-headers'"],
  ['libs/signatures/ed25519.ts', "import 'sodium-native'"],
  ['libs/eventlog/outbox.ts', "import 'pg'"],
  ['libs/eventlog/kafka/broker.ts', "import 'kafkajs'"],
  ['libs/eventlog/nest/server.ts', "import '@nestjs/microservices'"],
  ['libs/eventlog/postgres/log.test.ts', "import '#libs/eventlog/conformance/index'\nimport '#test/servers/postgres'"],
  ['apps/audit/src/http/controller.ts', "import '@nestjs/common'\nimport '#libs/http/index'"],
  ['apps/audit/src/events/follow.ts', "import '@nestjs/microservices'\nimport '#libs/eventlog/nest/index'"],
  ['apps/audit/src/store/records.ts', "import 'pg'\nimport 'typeorm'\nimport '../noun.ts'"],
  ['apps/audit/src/noun.ts', "import '#libs/events/index'\nexport const noun = 1"],
  ['apps/audit/src/audit.module.ts', "import '@nestjs/common'"],
  ['apps/standalone/src/main.ts', "import '#apps/keys/src/index'\nimport '#libs/postgres/embedded/index'"],
  ['apps/distributed/src/main.ts', "import '#apps/keys/src/index'\nimport '#libs/servers/index'"],
  ['libs/program/serve.ts', "import '@nestjs/core'"],
  ['test/journey.ts', "import '#apps/standalone/src/main'\nimport 'pg'"],
]

const report = z.object({
  diagnostics: z.array(z.object({ code: z.string(), filename: z.string(), severity: z.string() })),
  number_of_files: z.number(),
})

function lint(): { files: number; faults: string[] } {
  const house = mkdtempSync(join(tmpdir(), 'latchkey-house-'))
  try {
    for (const file of ['.oxlintrc.json', 'tsconfig.json', 'package.json']) cpSync(join(root, file), join(house, file))
    symlinkSync(join(root, 'node_modules'), join(house, 'node_modules'))
    for (const [file, line] of [...refused, ...accepted]) {
      mkdirSync(dirname(join(house, file)), { recursive: true })
      writeFileSync(join(house, file), `${line}\n${/^(import|export|await)/m.test(line) ? '' : 'export {}\n'}`)
    }
    const program = join(root, 'node_modules/oxlint/bin/oxlint')
    const words = [program, 'apps', 'libs', 'test', '--format', 'json']
    const { stdout, status } = spawnSync(process.execPath, words, { cwd: house, encoding: 'utf8' })
    expect(status).toBe(1)
    const { diagnostics, number_of_files: files } = report.parse(JSON.parse(stdout))
    const errors = diagnostics.filter(({ severity }) => severity === 'error')
    return {
      files,
      faults: errors.map(({ code, filename }) => `${filename} ${/\((.*)\)/.exec(code)?.[1] ?? code}`).sort(),
    }
  } finally {
    rmSync(house, { recursive: true, force: true })
  }
}

test('the linter refuses every planted violation by its rule, and nothing else', () => {
  const { files, faults } = lint()
  expect(files).toBe(refused.length + accepted.length)
  expect(faults).toEqual(refused.map(([file, , rule]) => `${file} ${rule}`).sort())
})
