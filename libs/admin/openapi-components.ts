import { isDeepStrictEqual } from 'node:util'
import { z, type ZodType } from 'zod'
import type { ProblemCode } from '#libs/http/index'

type Json = Readonly<Record<string, unknown>>

const made = z.object({
  properties: z.object({ root: z.record(z.string(), z.unknown()) }),
  $defs: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
})

/** What an OpenAPI document says once and refers to: schemas that have an id, and refusals. */
export class Components {
  readonly schemas = new Map<string, Json>()
  readonly responses = new Map<string, Json>()

  /** The JSON Schema of what is taken (`input`) or answered (`output`). Throws where two schemas have one id. */
  schema(schema: ZodType, io: 'input' | 'output'): Json {
    // Within another, so that it is referred to itself where it has an id.
    const root = z.object({ root: schema })
    const json: unknown = z.toJSONSchema(root, { target: 'draft-2020-12', io, unrepresentable: 'any' })
    const { properties, $defs } = made.parse(pointingHere(json))
    for (const [id, definition] of Object.entries($defs)) {
      const known = this.schemas.get(id)
      if (known !== undefined && !isDeepStrictEqual(known, definition)) throw new Error(`two schemas are named ${id}`)
      this.schemas.set(id, definition)
    }
    return properties.root
  }

  /** Refers to the answer that has one of these codes. */
  refusal(codes: readonly ProblemCode[]): Json {
    const id = codes.join('-')
    const schema = { allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }] }
    this.responses.set(id, { description: codes.join(', '), content: { 'application/problem+json': { schema } } })
    return { $ref: `#/components/responses/${id}` }
  }
}

function pointingHere(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointingHere)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, held]: [string, unknown]) => [
      name,
      name === '$ref' && typeof held === 'string'
        ? held.replace('#/$defs/', '#/components/schemas/')
        : pointingHere(held),
    ]),
  )
}
