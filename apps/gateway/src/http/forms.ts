import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorForm } from '#libs/http/index'
import { errors, renderError } from '#libs/scim/index'
import { tokenPath } from '../names.ts'
import { renderOAuthError } from '../oauth-error.ts'

/** The forms of errors that come about before a handler of the gateway is reached: SCIM's, and that of RFC 6749 section 5.2. */

const scimType = 'application/scim+json; charset=utf-8'
const jsonType = 'application/json; charset=utf-8'

const scimForm: ErrorForm = {
  prefix: '/scim',
  render: ({ status, detail }) => ({
    contentType: scimType,
    body: JSON.stringify(renderError(errors.unreadable(status, detail))),
  }),
}

const tokenForm: ErrorForm = {
  prefix: '/oauth2',
  render: ({ status, detail }) => ({ contentType: jsonType, body: oauthError(status, detail) }),
}

@Catch()
class ScimFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const error = statusOf(thrown) === 404 ? errors.unknownEndpoint() : errors.internal()
    if (!reply.sent)
      reply
        .code(error.status)
        .type(scimType)
        .send(JSON.stringify(renderError(error)))
  }
}

@Catch()
class TokenFilter implements ExceptionFilter {
  catch(thrown: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>()
    const { url = '' } = host.switchToHttp().getRequest<FastifyRequest>().raw
    const status = statusOf(thrown)
    const detail =
      status === 500
        ? 'The service failed. Try again; its operator finds the reason in its log.'
        : `There is nothing here but POST ${tokenPath}, which exchanges a key for an access token.`
    if (reply.sent) return
    // Of its own address nothing is unknown but the method.
    if (status === 404 && url.split('?', 1)[0] === tokenPath) reply.code(405).header('allow', 'POST')
    else reply.code(status)
    reply.type(jsonType).send(oauthError(status, detail))
  }
}

export const gatewayForms = [
  { form: scimForm, filter: new ScimFilter() },
  { form: tokenForm, filter: new TokenFilter() },
]

function statusOf(thrown: unknown): number {
  return thrown instanceof HttpException ? thrown.getStatus() : 500
}

function oauthError(status: number, detail: string): string {
  return renderOAuthError(status >= 500 ? 'server_error' : 'invalid_request', detail)
}
