import { resolve } from 'node:path'
import { Command } from 'commander'
import { type Key, key } from './answers.ts'
import {
  authenticationOf,
  type AuthenticationOptions,
  thumbprintsIn,
  withAuthenticationOptions,
  withCertificates,
} from './authentication.ts'
import { serverCommand, type World } from './command.ts'
import { Failure } from './failure.ts'
import { peppersCommand } from './peppers.ts'
import { policyOf, type PolicyOptions, withPolicyOptions } from './policy-options.ts'
import { rewrapCommand } from './rewrap.ts'
import { rotationCommands } from './rotation.ts'
import { showOnce } from './shown-once.ts'
import { ago, ahead, facts, lastUse, stateOf, table } from './words.ts'

interface OfConnection {
  readonly connection: string
}

type Certificates = Pick<AuthenticationOptions, 'certificate'>

export function keysCommand(world: World, version: string): Command {
  const mint = serverCommand(
    'mint',
    'mint a key',
    world,
    version,
    async (
      { client, show, warn },
      { connection, ...options }: OfConnection & PolicyOptions & AuthenticationOptions,
    ) => {
      const { authentication, privateKey } = await authenticationOf(options, { folder: world.folder, warn })
      const policy = { ...policyOf(options), ...(authentication === undefined ? {} : { authentication }) }
      const path = `/connections/${encodeURIComponent(connection)}/keys`
      const body = Object.keys(policy).length === 0 ? undefined : { policy }
      await showOnce({
        ask: () => client.write('POST', path, key, body),
        save: options.save === undefined ? undefined : resolve(world.folder, options.save),
        privateKey,
        hasSecret: () => options.signed === 'hmac-sha256',
        lost: ({ kid }) => ({
          kid,
          done: 'minted',
          fix: `Revoke it (latchkey keys revoke ${kid}) and mint another.`,
        }),
        print: (minted, secrets) =>
          show(minted, () => mintedInWords(minted, secrets, options.oauth === true ? connection : undefined)),
      })
    },
  ).requiredOption('--connection <id>', 'id of the connection')
  withAuthenticationOptions(withPolicyOptions(mint))

  const change = serverCommand(
    'change',
    'change what a key may do',
    world,
    version,
    async ({ client, show, warn }, { certificate, ...options }: PolicyOptions & Certificates, kid: string) => {
      const certificates =
        certificate === undefined
          ? {}
          : { certificates: await thumbprintsIn(certificate, { folder: world.folder, warn }) }
      const named = { ...policyOf(options), ...certificates }
      if (Object.keys(named).length === 0) throw new Failure('usage', 'Nothing to change was named.')
      const changed = await client.write('PATCH', `/keys/${encodeURIComponent(kid)}`, key, { policy: named })
      show(changed, () => facts({ kid: changed.kid, state: changed.state, policy: JSON.stringify(changed.policy) }))
    },
  ).argument('<kid>', 'id part of the key, the 12 characters after lk_live_ or lk_test_')
  withCertificates(withPolicyOptions(change))

  const list = serverCommand(
    'list',
    'list the keys of a connection',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection) => {
      const keys = await client.list(`/connections/${encodeURIComponent(connection)}/keys`, key)
      const now = new Date()
      show(keys, () =>
        keys.length === 0
          ? `The connection has no key yet. Mint one with: latchkey keys mint --connection ${connection}\n`
          : table(
              ['KID', 'STATE', 'ENVIRONMENT', 'PEPPER', 'CREATED', 'EXPIRES', 'LAST USED'],
              keys.map((one) => [
                one.kid,
                stateOf(one),
                one.environment,
                String(one.pepperVersion ?? ''),
                ago(one.createdAt, now),
                expiryOf(one, now),
                lastUse(one.lastUsed, now),
              ]),
            ),
      )
    },
  ).requiredOption('--connection <id>', 'id of the connection')

  const revoke = serverCommand(
    'revoke',
    'revoke a key, for good',
    world,
    version,
    async ({ client, show }, _options, kid: string) => {
      const revoked = await client.write('POST', `/keys/${encodeURIComponent(kid)}/revoke`, key)
      show(revoked, () => facts({ kid: revoked.kid, state: revoked.state, revoked: revoked.endedAt ?? '' }))
    },
  ).argument('<kid>', 'id part of the key, the 12 characters after lk_live_ or lk_test_')

  const secrets = [rewrapCommand(world, version), peppersCommand(world, version)]
  return [mint, list, change, ...rotationCommands(world, version), revoke, ...secrets].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('keys').description('provisioning keys of a connection, and how one takes the place of another'),
  )
}

function expiryOf({ policy, endedAt }: Key, now: Date): string {
  const expiresAt = policy?.expiresAt ?? null
  if (expiresAt === null) return 'never'
  return endedAt === null ? ahead(expiresAt, now) : expiresAt
}

function mintedInWords(
  { kid, environment, scimBaseUrl, signingSecret }: Key,
  secrets: Record<string, string>,
  exchangedBy: string | undefined,
): string {
  const exchanged: Record<string, string> =
    exchangedBy === undefined
      ? {}
      : { 'token endpoint': scimBaseUrl.replace(/\/scim\/v2\/[^/]*$/, '/oauth2/token'), 'client id': exchangedBy }
  const again =
    environment === 'live'
      ? 'Keep it now: it is never shown again.'
      : `A sandbox key: latchkey keys show ${kid} shows it again.`
  const never = signingSecret === undefined ? '' : ' The signing secret is never shown again.'
  return `${facts({ kid, ...secrets, ...exchanged, 'SCIM base URL': scimBaseUrl })}\n${again}${never}\n`
}
