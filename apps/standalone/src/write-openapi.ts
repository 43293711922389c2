import { writeFileSync } from 'node:fs'
import { documentFile, documentPart, openApiDocument } from '#libs/admin/index'
import { followersPart } from '#libs/program/index'
import { adminParts } from './admin-parts.ts'

export const rewriteCommand = 'npm run build && node dist/apps/standalone/src/write-openapi.js'

/** The description of the whole admin API, as every service serves it: made of the schemas that validate. */
export function openApiText(): string {
  return `${JSON.stringify(openApiDocument([...adminParts, followersPart, documentPart]), undefined, 2)}\n`
}

if (import.meta.main) writeFileSync(documentFile, openApiText())
