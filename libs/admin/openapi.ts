import { z, type ZodType } from 'zod'
import { problemCodes, type ProblemCode, statusOf } from '#libs/http/index'
import { Components } from './openapi-components.ts'
import type { AdminPart, Operation } from './operation.ts'

type Json = Readonly<Record<string, unknown>>

/** The extension of a path that names the service which answers it; `each` where all do, each for itself. */
export const answeredBy = 'x-latchkey-service'

const version = '1.0.0'

/** The OpenAPI 3.1 document of operations, made of the schemas that validate them. Which service answers a path stands at the path. */
export function openApiDocument(parts: readonly AdminPart[]): Json {
  const paths: Record<string, Record<string, Json | string>> = {}
  const components = new Components()
  const taken = new Set<string>()
  for (const { service, operations, described } of parts) {
    for (const [address, operation] of Object.entries(described)) {
      const [method = '', path = ''] = address.split(' ')
      const name = operations[address] ?? address
      const item = (paths[path.replaceAll(/:(\w+)/g, '{$1}')] ??= { [answeredBy]: service })
      item[method.toLowerCase()] = operationObject(idFor(name, taken), method, path, operation, components)
    }
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Latchkey admin API',
      version,
      description:
        'Administers tenants, connections, provisioning keys and admin tokens; reads the directory and the audit trail. A token that is limited to tenants sees only those: what is of another tenant is answered as what is not there. Where each service is a process of its own, x-latchkey-service names the one that answers a path (each: all of them, each for itself), and servers tell where that is, if it is known.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    paths,
    components: {
      securitySchemes: {
        adminToken: { type: 'http', scheme: 'bearer', bearerFormat: 'lka_<id>_<secret>_<checksum>' },
      },
      schemas: { Problem: problemSchema, ...byName(components.schemas) },
      responses: byName(components.responses),
    },
  }
}

const problemSchema: Json = {
  type: 'object',
  description: 'Problem details (RFC 9457). The code is stable; detail tells a person cause and fix.',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', pattern: '^urn:latchkey:problem:' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: problemCodes },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['pointer', 'detail'],
        properties: { pointer: { type: 'string' }, detail: { type: 'string' } },
      },
    },
  },
}

/** An operation at several addresses is told apart by a number. */
function idFor(name: string, taken: Set<string>): string {
  for (let count = 1; ; count++) {
    const id = count === 1 ? name : `${name}.${count}`
    if (!taken.has(id)) {
      taken.add(id)
      return id
    }
  }
}

function operationObject(
  operationId: string,
  method: string,
  path: string,
  operation: Operation,
  components: Components,
): Json {
  const { scope, concerns, summary, body, bodyOptional } = operation
  return {
    operationId,
    summary,
    tags: [operationId.split('.', 1)[0]],
    security: scope === 'open' ? [] : [{ adminToken: [scope] }],
    'x-concerns': concerns,
    parameters: [
      ...pathParameters(path),
      ...queryParameters(operation.query, components),
      ...headerParameters(method, operation),
    ],
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: bodyOptional !== true,
            content: { 'application/json': { schema: components.schema(body, 'input') } },
          },
        }),
    responses: responses(method, operation, components),
  }
}

function byName(components: ReadonlyMap<string, Json>): Json {
  return Object.fromEntries([...components].sort(([one], [other]) => (one < other ? -1 : 1)))
}

function pathParameters(path: string): Json[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }))
}

const objectSchema = z.looseObject({
  properties: z.record(z.string(), z.looseObject({})).default({}),
  required: z.array(z.string()).default([]),
})

function queryParameters(query: ZodType | undefined, components: Components): Json[] {
  if (query === undefined) return []
  const { properties, required } = objectSchema.parse(components.schema(query, 'input'))
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema,
  }))
}

function headerParameters(method: string, { tagged, conditional, idempotent }: Operation): Json[] {
  const header = (name: string, description: string): Json => ({
    name,
    in: 'header',
    description,
    schema: { type: 'string' },
  })
  return [
    ...(tagged === true && method === 'GET'
      ? [header('If-None-Match', 'An ETag: answers 304 when it is still so.')]
      : []),
    ...(conditional === true ? [header('If-Match', 'An ETag: refused with 412 when it is no longer so.')] : []),
    ...(idempotent === true
      ? [
          header(
            'Idempotency-Key',
            '1 to 255 visible ASCII characters: the same request with the same key takes effect once.',
          ),
        ]
      : []),
  ]
}

function responses(method: string, operation: Operation, components: Components): Json {
  const entries: [string, Json][] = Object.entries(operation.answers).map(([status, schema]) => [
    status,
    {
      description: status === '201' ? 'It was made.' : 'It was done.',
      ...(operation.tagged === true ? { headers: { ETag: { required: true, schema: { type: 'string' } } } } : {}),
      ...(schema === null ? {} : { content: { 'application/json': { schema: components.schema(schema, 'output') } } }),
    },
  ])
  if (operation.tagged === true && method === 'GET') entries.push(['304', { description: 'It is still so.' }])
  const byStatus = Map.groupBy(refusalsOf(method, operation), statusOf)
  for (const [status, codes] of [...byStatus].sort(([a], [b]) => a - b))
    entries.push([String(status), components.refusal(codes)])
  return Object.fromEntries(entries)
}

/** Every problem that the operation can be refused with. */
function refusalsOf(method: string, operation: Operation): ProblemCode[] {
  const { scope, concerns, query, conditional, idempotent, refusals = [] } = operation
  const guarded: ProblemCode[] = [
    'unauthorized',
    'tokenRevoked',
    'tokenExpired',
    'addressRefused',
    'pepperUnknown',
    'scopeMissing',
  ]
  const codes: ProblemCode[] = [
    'badRequest',
    'inClear',
    'addressUnreadable',
    ...(scope === 'open' ? [] : guarded),
    ...(concerns === 'all' && scope !== 'open' ? (['tenantsRefused'] as const) : []),
    ...(concerns === 'all' || concerns === 'own' ? [] : (['notFound'] as const)),
    ...(query === undefined && method === 'GET' ? [] : (['invalid'] as const)),
    ...(method === 'GET'
      ? []
      : ([
          'malformedJson',
          'requestTimeout',
          'payloadTooLarge',
          'unsupportedMediaType',
          'unsupportedContentEncoding',
          'unsupportedTransferCoding',
        ] as const)),
    ...(conditional === true ? (['preconditionFailed'] as const) : []),
    ...(idempotent === true ? (['idempotencyKeyReused', 'idempotencyKeyInUse'] as const) : []),
    ...refusals,
    'addressTooLong',
    'tooManyRefused',
    'internal',
    'unavailable',
  ]
  return [...new Set(codes)]
}
