import { Column, Entity, In, PrimaryColumn } from 'typeorm'
import type { AdminScope } from '#libs/admin/index'
import { isAccepted, keyStates, type Kid, type TokenId } from '#libs/credentials/index'
import { connectionSettings, keyPolicy } from '#libs/events/index'
import { Entities } from '#libs/postgres/index'
import type { AdminToken } from '../admin-token.ts'
import type { Connection } from '../connection.ts'
import type { LastUse } from '../last-use.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import type { Tenant } from '../tenant.ts'

/** Rows of deleted tenants stay, so that their ids are never given again. */
@Entity({ name: 'tenant' })
export class TenantRow implements Tenant {
  @PrimaryColumn('text') id!: string
  @Column('text') name!: string
  @Column('integer') version!: number
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
  @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null
}

@Entity({ name: 'connection' })
export class ConnectionRow implements Connection {
  @PrimaryColumn('text') id!: string
  @Column('text') tenant!: string
  @Column('text') name!: string
  @Column('text') environment!: Connection['environment']
  @Column('text', { name: 'identity_provider' }) identityProvider!: Connection['identityProvider']
  @Column('text') state!: Connection['state']
  @Column('jsonb', { transformer: { from: (kept) => connectionSettings.parse(kept), to: (whole: unknown) => whole } })
  settings!: Connection['settings']
  @Column('jsonb') schemas!: Connection['schemas']
  @Column('integer') version!: number
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
}

@Entity({ name: 'provisioning_key' })
export class KeyRow implements ProvisioningKey {
  @PrimaryColumn('text') connection!: string
  @PrimaryColumn('text') kid!: Kid
  @Column('text') tenant!: string
  @Column('text') environment!: ProvisioningKey['environment']
  @Column('text') state!: ProvisioningKey['state']
  @Column('integer') version!: number
  @Column('jsonb', { transformer: { from: (kept) => keyPolicy.parse(kept), to: (whole: unknown) => whole } })
  policy!: ProvisioningKey['policy']
  @Column('integer', { name: 'pepper_version' }) pepperVersion!: number
  @Column('bytea') digest!: Buffer
  @Column('text', { nullable: true }) sealed!: string | null
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
  @Column('timestamptz', { name: 'activated_at', nullable: true }) activatedAt!: Date | null
  @Column('timestamptz', { name: 'retired_at', nullable: true }) retiredAt!: Date | null
  @Column('timestamptz', { nullable: true }) until!: Date | null
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null
}

/** For a condition on the state of keys. */
export const acceptedStates = In(keyStates.filter(isAccepted))

@Entity({ name: 'key_use' })
export class KeyUseRow implements LastUse {
  @PrimaryColumn('text') connection!: string
  @PrimaryColumn('text') kid!: string
  @Column('timestamptz') at!: Date
  @Column('text') address!: string
  @Column('text', { name: 'user_agent', nullable: true }) userAgent!: string | null
}

@Entity({ name: 'admin_token' })
export class TokenRow implements AdminToken {
  @PrimaryColumn('text') id!: TokenId
  @Column('text') name!: string
  @Column('integer') version!: number
  @Column('integer', { name: 'pepper_version' }) pepperVersion!: number
  @Column('bytea') digest!: Buffer
  @Column('text', { array: true }) scopes!: AdminScope[]
  @Column('text', { array: true, nullable: true }) tenants!: string[] | null
  @Column('text', { array: true }) allowlist!: string[]
  @Column('timestamptz', { name: 'expires_at', nullable: true }) expiresAt!: Date | null
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
  @Column('text', { name: 'created_by' }) createdBy!: string
  @Column('timestamptz', { name: 'revoked_at', nullable: true }) revokedAt!: Date | null
}

@Entity({ name: 'admin_token_use' })
export class TokenUseRow implements LastUse {
  @PrimaryColumn('text') token!: string
  @Column('timestamptz') at!: Date
  @Column('text') address!: string
  @Column('text', { name: 'user_agent', nullable: true }) userAgent!: string | null
}

export const keysSchema = 'keys'
export const keysEntities = [TenantRow, ConnectionRow, KeyRow, KeyUseRow, TokenRow, TokenUseRow]

/** What the admin API reads and writes by. `statementTimeout` is in milliseconds. Rejects when the database is away. */
export function openKeysEntities(
  url: string,
  statementTimeout: number,
  onIdleFailure: (error: Error) => void,
): Promise<Entities> {
  return Entities.open({
    url,
    schema: keysSchema,
    applicationName: 'latchkey admin',
    connections: 4,
    entities: keysEntities,
    statementTimeout,
    onIdleFailure,
  })
}
