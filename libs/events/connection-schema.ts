import { z } from 'zod'
import type { Attribute, Schema } from '#libs/scim/index'

const characteristics = {
  name: z.string(),
  type: z.enum(['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex']),
  description: z.string(),
  multiValued: z.boolean(),
  required: z.boolean(),
  caseExact: z.boolean(),
  mutability: z.enum(['readOnly', 'readWrite', 'immutable', 'writeOnly']),
  returned: z.enum(['always', 'never', 'default', 'request']),
  uniqueness: z.enum(['none', 'server', 'global']),
  canonicalValues: z.array(z.string()).optional(),
  referenceTypes: z.array(z.string()).optional(),
}

const subAttribute: z.ZodType<Attribute> = z.object(characteristics)
const attribute: z.ZodType<Attribute> = z.object({
  ...characteristics,
  subAttributes: z.array(subAttribute).optional(),
})

/** A schema of RFC 7643 section 7 with every characteristic said. What is in it was checked when it was added. */
const document: z.ZodType<Schema> = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  attributes: z.array(attribute),
})

/** An extension schema that an operator added to a connection, and what it extends. */
export const connectionSchema = z.object({
  resourceType: z.enum(['User', 'Group']),
  /** Whether every resource of that type must have it (RFC 7643 section 6). */
  required: z.boolean(),
  document,
})
export type ConnectionSchema = z.infer<typeof connectionSchema>
