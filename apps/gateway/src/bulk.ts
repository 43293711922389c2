import { isId, newId } from '#libs/events/index'
import {
  type BulkOperation,
  type BulkResult,
  type BulkStep,
  Diagnosis,
  errors,
  type JsonValue,
  parseBulk,
  planBulk,
  renderBulk,
  replaceInAddress,
  replaceReferences,
  ScimError,
} from '#libs/scim/index'
import { accepted, type Answer } from './answer.ts'
import { togetherFromFirst } from './bulk-order.ts'
import { touchOf } from './bulk-touch.ts'
import { conclude, type ConcludeParts } from './conclude.ts'
import { findEndpoint } from './endpoints.ts'
import { locationOf } from './representation.ts'
import { checkScopes } from './scopes.ts'
import { create, createTogether, type Creation, patch, remove, replace, type ResourceParts } from './resources.ts'
import { type Admitted, type Arrival, lookAgain, type Passage, take, type WayInParts } from './way-in.ts'

export interface BulkParts
  extends ResourceParts, ConcludeParts, Pick<WayInParts, 'trust' | 'currency' | 'clock' | 'bodyLimits'> {}

/** Operations of one bulk request under way at the same time: enough to fill batches, and few enough not to keep others waiting. */
const atOnce = 256

/**
 * RFC 7644 section 3.7. 200 with the result of each operation that was begun. Each goes the way of a request of its own once that is let
 * in, and leaves a record of its own; what is wrong with it harms no other but those that refer to what it was to create.
 * Once the database turns out to be away no further operation is tried: those left are 503 too, and so is the whole when none was done. Nor is one once the
 * key is accepted no more: it is refused as any request with it.
 */
export async function bulk(request: Admitted, parts: BulkParts): Promise<Answer> {
  const { operations, failOnErrors } = parseBulk(request.body, request.diagnosis)
  // Its own record comes last, when much has been done that should be told.
  if (parts.decisions.isFull) throw errors.unavailable(1)
  const run = new BulkRun(request, operations, parts)
  await run.perform(planBulk(operations), failOnErrors)
  return {
    status: 200,
    headers: {},
    body: renderBulk(run.results()),
    outcome: accepted(200, {
      bulk: { operations: operations.length, refused: run.refused, notBegun: operations.length - run.begun },
    }),
  }
}

const verbs = { create, replace, patch, delete: remove }

/** An operation on its way, as a request of its own. */
interface Inner {
  readonly operation: BulkOperation
  readonly passage: Passage
}

class BulkRun {
  readonly #request: Admitted
  readonly #parts: BulkParts
  /** Where operations are in the request, by bulkId. */
  readonly #pointers: ReadonlyMap<string | undefined, string>
  /** Of what was created, by bulkId. */
  readonly #ids = new Map<string, string>()
  readonly #results = new Map<BulkOperation, BulkResult>()
  #isAway = false
  refused = 0

  constructor(request: Admitted, operations: readonly BulkOperation[], parts: BulkParts) {
    this.#request = request
    this.#pointers = new Map(operations.map(({ bulkId, pointer }) => [bulkId, pointer]))
    this.#parts = parts
  }

  get begun(): number {
    return this.#results.size
  }

  /** In the order of the request. */
  results(): BulkResult[] {
    return [...this.#results].sort(([one], [other]) => one.index - other.index).map(([, result]) => result)
  }

  /** Begins no operation that might turn out to come after `failOnErrors` errors, however those under way end. */
  async perform(steps: readonly BulkStep[], failOnErrors: number): Promise<void> {
    let waiting = steps
    while (waiting.length > 0 && this.refused < failOnErrors) {
      const count = await this.#countTogether(waiting, Math.min(atOnce, failOnErrors - this.refused))
      await Promise.all(waiting.slice(0, count).map((step) => this.#step(step)))
      waiting = waiting.slice(count)
      if (this.#isAway && this.refused === this.begun) throw errors.unavailable(2)
    }
  }

  async #countTogether(waiting: readonly BulkStep[], most: number): Promise<number> {
    const pathOf = (operation: BulkOperation): string | undefined => this.#pathOf(operation)
    const others = waiting.findIndex(({ operations }) => !['PUT', 'PATCH'].includes(operations[0]?.method ?? ''))
    const changes = waiting.slice(0, others === -1 ? most : Math.min(others, most)).flatMap((step) => step.operations)
    const replaced = changes.flatMap((operation) => {
      const [, collection, id = ''] = pathOf(operation)?.split('/') ?? []
      return operation.method === 'PUT' && collection === 'Users' && isId(id) ? [id] : []
    })
    const userNameKeys =
      replaced.length > 1 && !this.#isAway ? await this.#userNameKeys(replaced) : new Map<string, string>()
    const { conflicts, adoptBy } = this.#request.principal.settings
    const known = { pathOf, userNameKeys, adoptBy: conflicts === 'adopt' ? adoptBy : [] }
    return togetherFromFirst(waiting, (step) => touchOf(step, known), most)
  }

  async #userNameKeys(ids: readonly string[]): Promise<Map<string, string>> {
    try {
      return await this.#parts.records.userNameKeys(this.#request.principal.connection, ids)
    } catch (error) {
      this.#parts.failed(error, this.#request.arrival.traceId)
      this.#isAway = true
      return new Map()
    }
  }

  #step({ operations, circular }: BulkStep): Promise<unknown> {
    if (circular) return this.#circle(operations)
    return Promise.all(operations.map((operation) => this.#single(operation)))
  }

  async #single(operation: BulkOperation): Promise<void> {
    const passage = this.#passageOf(operation)
    await this.#conclude({ operation, passage }, async () => {
      await this.#lookAgain(passage)
      const { request, type, verb } = await take(passage, 'payload', () =>
        this.#admit({ operation, passage }, (bulkId) => this.#idOf(bulkId)),
      )
      return take(request, 'operation', () => verbs[verb](request, type, this.#parts))
    })
  }

  /** Each is given its id beforehand, so that the others can be created with it. */
  async #circle(operations: readonly BulkOperation[]): Promise<void> {
    const { receivedAt } = this.#request.arrival
    const given = new Map(operations.map(({ bulkId = '' }) => [bulkId, newId(receivedAt.getTime())]))
    const inner = operations.map((operation): Inner => ({ operation, passage: this.#passageOf(operation) }))
    const creations = await Promise.allSettled(
      inner.map(async ({ operation, passage }) => {
        await this.#lookAgain(passage)
        return take(passage, 'payload', (): Creation => {
          const put = (bulkId: string): string => given.get(bulkId) ?? this.#idOf(bulkId)
          const { request, type, verb } = this.#admit({ operation, passage }, put)
          if (verb !== 'create') throw errors.internal()
          return { request, type, id: given.get(operation.bulkId ?? '') ?? '' }
        })
      }),
    )
    const sound = creations.map((creation) => (creation.status === 'fulfilled' ? creation.value : undefined))
    const answers = createTogether(sound, this.#parts)
    const refusedOf = (all: Awaited<typeof answers>): string[] =>
      operations.flatMap(({ pointer }, index) =>
        creations[index]?.status === 'rejected' || isRefused(all[index]) ? [pointer] : [],
      )
    await Promise.all(
      inner.map((one, index) =>
        this.#conclude(one, () => {
          const creation = creations[index]
          if (creation?.status === 'rejected') throw creation.reason
          return take(one.passage, 'operation', async () => {
            const all = await answers
            const own = all[index]
            if (own?.status === 'fulfilled') return own.value
            throw isRefused(own) ? own?.reason : errors.brokenCircle(refusedOf(all))
          })
        }),
      ),
    )
  }

  async #conclude({ operation, passage }: Inner, work: () => Promise<Answer>): Promise<void> {
    const answer = await conclude(
      passage,
      async () => {
        const answer = await work()
        if (passage.isRehearsal !== true) return answer
        passage.recorded = false
        return { ...answer, outcome: { ...answer.outcome, events: [] } }
      },
      this.#parts,
    )
    const { method, bulkId } = operation
    const { status, headers, body, outcome } = answer
    if (status >= 400) this.refused++
    if (status === 503) this.#isAway = true
    if (status < 400 && method === 'POST' && bulkId !== undefined && outcome.subject !== null) {
      this.#ids.set(bulkId, outcome.subject.id)
    }
    const location = headers['Location'] ?? this.#locationOf(operation, passage)
    this.#results.set(operation, {
      ...(method === undefined ? {} : { method }),
      ...(bulkId === undefined ? {} : { bulkId }),
      ...(headers['ETag'] === undefined ? {} : { version: headers['ETag'] }),
      ...(location === undefined ? {} : { location }),
      status,
      ...(status >= 400 && typeof body === 'string' ? { response: body } : {}),
    })
  }

  /** The operation as a request that has just arrived: who sends it is known from the bulk request. */
  #passageOf(operation: BulkOperation): Passage {
    const { endpoint: _path, resourceId: _id, body: _body, replayOf: _captured, ...known } = this.#request
    const { arrival } = known
    const inner: Arrival = {
      ...arrival,
      requestId: newId(arrival.receivedAt.getTime()),
      method: operation.method ?? '',
      path: this.#pathOf(operation) ?? operation.path ?? '',
      query: new URLSearchParams(),
      headers: { ...arrival.headers, 'if-match': operation.version, 'if-none-match': undefined },
      began: performance.now(),
    }
    return {
      ...known,
      arrival: inner,
      within: { requestId: arrival.requestId },
      steps: [],
      recorded: false,
      diagnosis: new Diagnosis(known.diagnosis.dialect, `${operation.pointer}/data`),
    }
  }

  /** What is not to be begun anyway asks nothing of a database that is away. */
  async #lookAgain(passage: Passage): Promise<void> {
    if (!this.#isAway) await lookAgain(passage, this.#parts)
  }

  /** Throws what refuses the operation before it is begun. */
  #admit({ operation, passage }: Inner, put: (bulkId: string) => string) {
    const { method, path, data, fault, pointer } = operation
    if (fault !== undefined || method === undefined || path === undefined) throw fault ?? errors.internal()
    if (this.#isAway) throw errors.unavailable(2)
    this.#checkSize(data)
    const found = replaceInAddress(path, put)
    const endpoint = findEndpoint(method, found)
    passage.endpoint = endpoint
    if (passage.key !== undefined) checkScopes(passage.key.policy, endpoint)
    const { type, verb } = endpoint
    if (type === undefined || !isVerb(verb)) {
      throw errors.invalidSyntax(
        `The operation at ${pointer} is none that a bulk request can have. Create, replace, change and delete users and groups by it.`,
      )
    }
    const request: Admitted = Object.assign(passage, {
      endpoint,
      resourceId: endpoint.hasId ? found.split('/')[2] : undefined,
      principal: this.#request.principal,
      diagnosis: passage.diagnosis ?? this.#request.diagnosis,
      body: data === undefined ? undefined : replaceReferences(data, put),
    })
    return { request, type: request.principal.types[type], verb }
  }

  /** What it brings about is told as that of a request would be, and must be no larger. */
  #checkSize(data: JsonValue | undefined): void {
    const { each } = this.#parts.bodyLimits
    if (data === undefined || (this.#request.bodySize ?? 0) <= each) return
    if (Buffer.byteLength(JSON.stringify(data)) > each) throw errors.payloadTooLarge(each)
  }

  #idOf(bulkId: string): string {
    const id = this.#ids.get(bulkId)
    if (id === undefined) throw errors.brokenReference(this.#pointers.get(bulkId) ?? '/Operations')
    return id
  }

  #pathOf({ path }: BulkOperation): string | undefined {
    if (path === undefined) return undefined
    let isKnown = true
    const found = replaceInAddress(path, (bulkId) => {
      isKnown = this.#ids.has(bulkId)
      return this.#ids.get(bulkId) ?? ''
    })
    return isKnown ? found : undefined
  }

  /** Of what a failed operation was about; a POST that failed has none. */
  #locationOf(operation: BulkOperation, { endpoint }: Passage): string | undefined {
    const id = this.#pathOf(operation)?.split('/')[2]
    if (endpoint?.type === undefined || !endpoint.hasId || id === undefined) return undefined
    const { connection, types } = this.#request.principal
    return locationOf(this.#parts.baseUrl(connection), types[endpoint.type], encodeURIComponent(id))
  }
}

function isVerb(word: string): word is keyof typeof verbs {
  return Object.hasOwn(verbs, word)
}

/** For something of its own, and not because another of its circle was. */
function isRefused(outcome: PromiseSettledResult<Answer> | undefined): boolean {
  if (outcome?.status !== 'rejected') return false
  return !(outcome.reason instanceof ScimError && outcome.reason.code === errors.brokenCircle([]).code)
}
