import { z } from 'zod'

const response = z.looseObject({
  headers: z.record(z.string(), z.object({ required: z.boolean() }).loose()).default({}),
  content: z.record(z.string(), z.object({ schema: z.unknown() })).optional(),
})
const operation = z.looseObject({
  operationId: z.string(),
  security: z.array(z.object({ adminToken: z.array(z.string()) })),
  'x-concerns': z.string(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })),
  requestBody: z.unknown().optional(),
  responses: z.record(z.string(), z.union([z.strictObject({ $ref: z.string() }), response])),
})
const pathItem = z.looseObject({
  'x-latchkey-service': z.enum(['gateway', 'keys', 'directory', 'audit', 'each']),
  servers: z.array(z.object({ url: z.string() }).loose()).optional(),
})
const methods = ['get', 'post', 'put', 'patch', 'delete'] as const
const document = z.looseObject({
  paths: z.record(z.string(), pathItem),
  components: z
    .object({ schemas: z.record(z.string(), z.unknown()), responses: z.record(z.string(), response) })
    .loose(),
})

export interface DescribedOperation {
  readonly method: string
  /** With its parameters in braces. */
  readonly path: string
  readonly id: string
  /** Undefined for what is open to all. */
  readonly scope: string | undefined
  readonly concerns: string
  readonly takesBody: boolean
  /** Those that it heeds. */
  readonly headers: readonly string[]
  /** Which answers it; `each` where all do, each for itself. */
  readonly service: 'gateway' | 'keys' | 'directory' | 'audit' | 'each'
  /** Where else than at the service itself it is answered, as far as that is known. */
  readonly servers: readonly string[]
}

/** What the OpenAPI document says of the admin APIs, to hold their answers to. */
export class Contract {
  readonly #document: z.infer<typeof document>
  readonly #schemas = new Map<unknown, z.ZodType>()

  constructor(read: unknown) {
    this.#document = document.parse(read)
  }

  get operations(): DescribedOperation[] {
    return Object.entries(this.#document.paths).flatMap(([path, item]) =>
      methods.flatMap((method) => {
        const described = operation.optional().parse(item[method])
        if (described === undefined) return []
        return {
          method: method.toUpperCase(),
          path,
          id: described.operationId,
          scope: described.security[0]?.adminToken[0],
          concerns: described['x-concerns'],
          takesBody: described.requestBody !== undefined,
          headers: described.parameters.flatMap((parameter) => (parameter.in === 'header' ? [parameter.name] : [])),
          service: item['x-latchkey-service'],
          servers: (item.servers ?? []).map(({ url }) => url),
        }
      }),
    )
  }

  /** Throws where the answer is none that the document allows. */
  check(
    { method, path }: Pick<DescribedOperation, 'method' | 'path'>,
    answer: { readonly status: number; readonly headers: Headers; readonly body: unknown },
  ): void {
    const where = `${method} ${path} ${answer.status}`
    const described = operation.optional().parse(this.#document.paths[path]?.[method.toLowerCase()])
    const told = this.#responseAt(described?.responses[String(answer.status)])
    if (told === undefined) throw new Error(`${where} is not described: ${JSON.stringify(answer.body)}`)
    const lacking = Object.keys(told.headers).filter(
      (name) => told.headers[name]?.required === true && !answer.headers.has(name),
    )
    if (lacking.length > 0) throw new Error(`${where} is described with ${lacking.join(', ')}, which it lacks`)
    const [type, content] = Object.entries(told.content ?? {})[0] ?? []
    if (content === undefined) {
      if (answer.body !== undefined) throw new Error(`${where} is described without a body`)
      return
    }
    if (answer.headers.get('content-type')?.split(';', 1)[0] !== type) throw new Error(`${where} is not ${type}`)
    const read = this.#schemaOf(content.schema).safeParse(answer.body)
    if (!read.success) throw new Error(`${where} is not as described: ${read.error.message}`)
  }

  #responseAt(told: z.infer<typeof operation>['responses'][string] | undefined) {
    if (told === undefined || !('$ref' in told)) return response.optional().parse(told)
    return this.#document.components.responses[String(told.$ref).split('/').at(-1) ?? '']
  }

  #schemaOf(schema: unknown): z.ZodType {
    const known = this.#schemas.get(schema)
    if (known !== undefined) return known
    const made = z.fromJSONSchema(z.record(z.string(), z.unknown()).parse(this.#inlined(schema)))
    this.#schemas.set(schema, made)
    return made
  }

  #inlined(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#inlined(one))
    if (typeof value !== 'object' || value === null) return value
    if ('$ref' in value)
      return this.#inlined(this.#document.components.schemas[String(value.$ref).split('/').at(-1) ?? ''])
    return Object.fromEntries(Object.entries(value).map(([name, held]) => [name, this.#inlined(held)]))
  }
}
