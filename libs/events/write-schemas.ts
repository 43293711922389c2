import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { markName } from './mark.ts'
import { eventNames } from './names.ts'
import { jsonSchemaOf } from './payloads.ts'

/** Where the published schemas lie, seen from the compiled file. */
export const schemaFolder = join(import.meta.dirname, '../../../docs/events')

export const rewriteCommand = 'npm run build && node dist/libs/events/write-schemas.js'

/** Each schema file's name and content. */
export function schemaFiles(): Map<string, string> {
  return new Map(
    [...eventNames, markName].map((name) => [
      `${name}.schema.json`,
      `${JSON.stringify(jsonSchemaOf(name), undefined, 2)}\n`,
    ]),
  )
}

async function writeSchemas(): Promise<void> {
  await mkdir(schemaFolder, { recursive: true })
  const files = schemaFiles()
  for (const present of await readdir(schemaFolder)) {
    if (present.endsWith('.schema.json') && !files.has(present)) await rm(join(schemaFolder, present))
  }
  for (const [name, content] of files) await writeFile(join(schemaFolder, name), content)
}

if (import.meta.main) await writeSchemas()
