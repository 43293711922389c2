import { createHash, timingSafeEqual } from 'node:crypto'
import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { hideSecret } from '#libs/telemetry/index'
import { problems } from './problem.ts'

/** Nest provider: the admin token, or several while one replaces another. */
export const ADMIN_TOKEN = Symbol('ADMIN_TOKEN')

const whereFound = 'It is the value of LATCHKEY_ADMIN_TOKEN, or the content of the file admin-token in the data folder.'

/** Lets a request through that carries the admin token as `Authorization: Bearer`. Bind it to each admin controller. */
@Injectable()
export class AdminGuard implements CanActivate {
  readonly #expected: readonly Buffer[]

  constructor(@Inject(ADMIN_TOKEN) tokens: string | readonly string[]) {
    // Whoever puts it into an address must not find it in a record or a log.
    for (const token of [tokens].flat()) hideSecret(token)
    this.#expected = [tokens].flat().map(digest)
    if (this.#expected.length === 0) throw new TypeError('the admin guard needs a token')
  }

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest>()
    const { authorization } = request.headers
    if (authorization === undefined) {
      throw problems.unauthorized(
        `The request has no Authorization header. Send "Authorization: Bearer <admin token>". ${whereFound}`,
      )
    }
    const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1]
    if (token === undefined) {
      throw problems.unauthorized(`The Authorization header is not of the form "Bearer <admin token>". ${whereFound}`)
    }
    const given = digest(token)
    const matching = this.#expected.filter((expected) => timingSafeEqual(expected, given))
    if (matching.length === 0) throw problems.unauthorized(`The admin token is wrong. ${whereFound}`)
    request.adminTokenPassed = true
    return true
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set once the guard has let the request through; what is refused before has not been asked for its token. */
    adminTokenPassed?: boolean
  }
}

/** Digests have one length, so that comparing them tells nothing about the token's. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}
