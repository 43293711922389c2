import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import type { ErrorForm } from '#libs/http/index'
import { errors, renderError, ScimError } from '#libs/scim/index'

const contentType = 'application/scim+json; charset=utf-8'

/** What goes wrong before the way in is reached is a SCIM Error too. */
@Catch()
export class ScimFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const status = thrown instanceof HttpException ? thrown.getStatus() : 500
    const error = status === 404 ? errors.unknownEndpoint() : errors.internal()
    if (!reply.sent)
      reply
        .code(error.status)
        .type(contentType)
        .send(JSON.stringify(renderError(error)))
  }
}

/** So is what HTTP itself refuses. */
export const scimForm: ErrorForm = {
  prefix: '/scim',
  render: ({ status, detail }) => ({
    contentType,
    body: JSON.stringify(renderError(new ScimError({ status, code: 'unreadable-request', detail }))),
  }),
}
