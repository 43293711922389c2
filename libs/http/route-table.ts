import type { FastifyInstance } from 'fastify'

/** Remembers each route, so that an address that exists can be told from one that does not (405 from 404). */
export class RouteTable {
  readonly #routes: { readonly pattern: readonly string[]; readonly methods: readonly string[] }[] = []

  constructor(instance: FastifyInstance) {
    instance.addHook('onRoute', ({ url, method }) => {
      this.#routes.push({ pattern: url.split('/'), methods: [method].flat() })
    })
  }

  get all(): readonly string[] {
    const named = this.#routes.flatMap(({ pattern, methods }) =>
      methods.map((method) => `${method} ${pattern.join('/')}`),
    )
    return named.filter((route) => !route.startsWith('HEAD '))
  }

  methodsAt(path: string): readonly string[] {
    const parts = path.split('/')
    const methods = this.#routes.filter(({ pattern }) => matches(pattern, parts)).flatMap((route) => route.methods)
    return [...new Set(methods)].sort()
  }
}

function matches(pattern: readonly string[], parts: readonly string[]): boolean {
  const rest = pattern.indexOf('*')
  if (rest === -1 && pattern.length !== parts.length) return false
  return pattern.every(
    (part, at) => (rest !== -1 && at >= rest) || part === parts[at] || (part.includes(':') && parts[at] !== ''),
  )
}
