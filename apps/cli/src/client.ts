import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { type Challenge, challengeOf } from '#libs/address-proof/index'
import { codeOf, Failure, type FailureKind } from './failure.ts'
import { insecureHttp, isInClear } from './in-clear.ts'
import type { Settings } from './settings.ts'

export interface Answer {
  readonly status: number
  readonly body: unknown
  /** The entity tag of what is answered, where the server tells one. */
  readonly tag: string | undefined
}

interface Sent {
  readonly body?: object | undefined
  readonly ifMatch?: string | undefined
}

const attempts = 4
const timeoutMs = 15_000

const page = z.object({ items: z.array(z.unknown()), next: z.string().optional() })
const problem = z.object({
  detail: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/** The admin API over HTTP. Every failure is told as a `Failure`. */
export class Client {
  readonly #settings: Settings
  readonly #version: string
  readonly #warn: (text: string) => void
  #hasProvedItself = false

  /** `warn` is given what the server tells besides its answer. */
  constructor(settings: Settings, version: string, warn: (text: string) => void) {
    this.#settings = settings
    this.#version = version
    this.#warn = warn
  }

  get url(): string {
    return this.#settings.url
  }

  /** One for each program of the server, by name; empty where the server is one program. */
  services(): readonly { readonly name: string; readonly client: Client }[] {
    const { services } = this.#settings
    return Object.entries(services).map(([name, url]) => ({
      name,
      client: new Client({ ...this.#settings, url, mustProveItself: true }, this.#version, this.#warn),
    }))
  }

  /** The program of the server that is that service, or the one program that the server is. */
  of(service: string): Client {
    return this.services().find(({ name }) => name === service)?.client ?? this
  }

  /** `path` is of the admin API, or whole where it begins with another API's name. */
  read<T>(path: string, schema: z.ZodType<T>): Promise<T> {
    return this.#ask('GET', path).then(({ body }) => understood(schema, body))
  }

  /** What `read` gives, or undefined where there is no such thing. */
  async find<T>(path: string, schema: z.ZodType<T>): Promise<T | undefined> {
    try {
      return await this.read(path, schema)
    } catch (error) {
      if (error instanceof Failure && error.kind === 'notFound') return undefined
      throw error
    }
  }

  /** All items of a list, page by page; or the first of them, `most` at the most. */
  async list<T>(path: string, schema: z.ZodType<T>, most = Infinity): Promise<T[]> {
    const items: T[] = []
    for await (const item of this.#items(path, schema, Math.min(most, 200))) {
      if (items.push(item) >= most) break
    }
    return items
  }

  /** The first item of a list, or the first that is wanted; no page after it is asked for. */
  async first<T>(path: string, schema: z.ZodType<T>, isWanted?: (item: T) => boolean): Promise<T | undefined> {
    for await (const item of this.#items(path, schema, isWanted === undefined ? 1 : 200)) {
      if (isWanted === undefined || isWanted(item)) return item
    }
    return undefined
  }

  async *#items<T>(path: string, schema: z.ZodType<T>, limit: number): AsyncGenerator<T> {
    const pages = `${path}${path.includes('?') ? '&' : '?'}limit=${limit}`
    let after = ''
    for (;;) {
      const { items, next } = await this.read(`${pages}${after}`, page)
      for (const item of items) yield understood(schema, item)
      if (next === undefined) return
      after = `&after=${encodeURIComponent(next)}`
    }
  }

  /** Sends the write again, under the same Idempotency-Key, when its answer was lost: it takes effect once. */
  write<T>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    return this.#ask(method, path, { body }).then((answer) => understood(schema, answer.body))
  }

  /**
   * Puts what `change` makes of what is there in its place. What somebody else has changed since it was read is read and changed anew, four times at
   * the most.
   */
  async change<T>(path: string, schema: z.ZodType<T>, change: (present: T) => object): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const { body, tag } = await this.#ask('GET', path)
      const changed = change(understood(schema, body))
      try {
        return understood(schema, (await this.#ask('PUT', path, { body: changed, ifMatch: tag })).body)
      } catch (error) {
        if (attempt === attempts || !(error instanceof ChangedMeanwhile)) throw error
      }
    }
  }

  /** A write that is not sent again: one whose answer was lost may have taken effect. */
  writeOnce<T>(method: 'POST', path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    return this.#ask(method, path, { body }, 1).then((answer) => understood(schema, answer.body))
  }

  /** An address outside the admin API, whatever its status. */
  async look(path: string): Promise<Answer> {
    return this.#once('GET', path, {}, undefined)
  }

  async #ask(method: string, path: string, { body, ifMatch }: Sent = {}, most = attempts): Promise<Answer> {
    const { token, dataFolder, insecure } = this.#settings
    if (token === undefined) {
      throw new Failure(
        'notAllowed',
        `No admin token was found. Set LATCHKEY_ADMIN_TOKEN, or LATCHKEY_DATA to the server's data folder (looked for ${dataFolder}/admin-token).`,
      )
    }
    if (!insecure && isInClear(new URL(this.url))) throw wouldBeInClear(this.url)
    const headers: Record<string, string> = { authorization: `Bearer ${token}` }
    if (method !== 'GET') headers['idempotency-key'] = randomUUID()
    if (ifMatch !== undefined) headers['if-match'] = ifMatch
    for (let attempt = 1; ; attempt++) {
      const last = attempt === most
      try {
        await this.#haveItProveItself()
        const answer = await this.#once(method, path.startsWith('/audit/') ? path : `/admin/v1${path}`, headers, body)
        if (answer.status < 300) return answer
        if (last || !isPassing(answer)) throw refusal(answer)
      } catch (error) {
        if (last || !(error instanceof LostAnswer)) throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 250 * attempt))
    }
  }

  /** Before the token is sent to an address that somebody else may have by now. */
  async #haveItProveItself(): Promise<void> {
    const { mustProveItself, addressKey, dataFolder } = this.#settings
    if (!mustProveItself || this.#hasProvedItself) return
    this.#hasProvedItself = addressKey !== undefined && (await this.#meets(challengeOf(addressKey, this.url)))
    if (!this.#hasProvedItself) throw isNoServerOf(dataFolder, this.url)
  }

  async #meets({ path, isMetBy }: Challenge): Promise<boolean> {
    return isMetBy((await this.look(path)).body)
  }

  async #once(
    method: string,
    path: string,
    headers: Record<string, string>,
    body: object | undefined,
  ): Promise<Answer> {
    try {
      const answer = await fetch(this.url + path, {
        method,
        headers: {
          accept: 'application/json',
          'user-agent': `latchkey/${this.#version}`,
          ...headers,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs),
      })
      const warning = answer.headers.get('latchkey-warning')
      if (warning !== null) this.#warn(warning)
      const tag = answer.headers.get('etag') ?? undefined
      return { status: answer.status, body: readJson(await answer.text()), tag }
    } catch (error) {
      throw unreachable(this.url, error)
    }
  }
}

function wouldBeInClear(url: string): Failure {
  return new Failure(
    'usage',
    `The admin token would go to ${new URL(url).host} in clear, for whoever is on the way to read: it was not sent. Give the https address of the server with --url or LATCHKEY_URL, or ${insecureHttp.flag} where nobody else is on the way.`,
  )
}

function isNoServerOf(dataFolder: string, url: string): Failure {
  return new Failure(
    'notAllowed',
    `What answers at ${url} does not prove that it is the server of the data folder ${dataFolder}: the admin token was not sent. Start the server (anew after an update), or give its address with --url or LATCHKEY_URL.`,
  )
}

/** The request may have been carried out. */
class LostAnswer extends Failure {}

/** What was to be changed is no longer what was read. */
class ChangedMeanwhile extends Failure {}

function unreachable(url: string, error: unknown): Failure {
  const fix = 'Start the server with npm start, or give its address with --url or LATCHKEY_URL.'
  const code = causeOf(error)
  const certificateFix = certificateFixes[code]
  if (certificateFix !== undefined) {
    return new Failure('failed', `The certificate of ${url} is not accepted (${code}). ${certificateFix}`)
  }
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new Failure('failed', `Nothing answers at ${url} (${code}). ${fix}`)
  }
  return new LostAnswer('failed', `${url} did not give an answer (${code}). ${fix}`)
}

const unknownAuthority =
  'Name a PEM file of the authority that signed it, or of the certificate itself where none did, in the environment variable NODE_EXTRA_CA_CERTS.'

/** By what Node calls it. */
const certificateFixes: Readonly<Record<string, string>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT: unknownAuthority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: unknownAuthority,
  SELF_SIGNED_CERT_IN_CHAIN: unknownAuthority,
  DEPTH_ZERO_SELF_SIGNED_CERT: unknownAuthority,
  ERR_TLS_CERT_ALTNAME_INVALID: 'Give the address by a name that is in it, with --url or LATCHKEY_URL.',
  CERT_HAS_EXPIRED: 'Have another one put in its place at the server, which needs no restart.',
}

function causeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('message' in error)) return 'unknown cause'
  if ('name' in error && error.name === 'TimeoutError') return `none within ${timeoutMs / 1000} s`
  if ('cause' in error && error.cause !== undefined) return codeOf(error.cause) ?? causeOf(error.cause)
  return String(error.message)
}

/** A refusal that may be gone a moment later. */
function isPassing({ status, body }: Answer): boolean {
  if (status === 503) return true
  return status === 409 && z.object({ code: z.literal('idempotencyKeyInUse') }).safeParse(body).success
}

const kinds: Readonly<Record<number, FailureKind>> = {
  401: 'notAllowed',
  403: 'notAllowed',
  404: 'notFound',
  422: 'usage',
}

function refusal({ status, body }: Answer): Failure {
  const told = problem.safeParse(body).data
  const kind = kinds[status] ?? 'failed'
  if (told === undefined) {
    return new Failure(kind, `The server answered ${status} without saying why. Check that the address is Latchkey's.`)
  }
  const faults = told.errors?.map(({ pointer, detail }) => `${pointer.replace(/^#\//, '')} ${detail}`)
  if (status === 412) return new ChangedMeanwhile(kind, told.detail)
  if (faults === undefined) return new Failure(kind, told.detail)
  // That the request breaks rules is said by the rules themselves.
  return new Failure(kind, `${kind === 'usage' ? '' : `${told.detail} `}${faults.join('; ')}.`)
}

function understood<T>(schema: z.ZodType<T>, body: unknown): T {
  const read = schema.safeParse(body)
  if (read.success) return read.data
  throw new Failure(
    'failed',
    "The server's answer has another form than this program knows. Use the latchkey that came with the server.",
  )
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
