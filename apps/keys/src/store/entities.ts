import { Column, Entity, In, PrimaryColumn } from 'typeorm'
import { z } from 'zod'
import type { AdminScope } from '#libs/admin/index'
import { isAccepted, keyStates, type Kid, type TokenId } from '#libs/credentials/index'
import { connectionSettings, keyPolicy } from '#libs/events/index'
import { Entities } from '#libs/postgres/index'
import type { AdminToken } from '../admin-token.ts'
import type { Connection } from '../connection.ts'
import type { TenantDataKey } from '../data-key.ts'
import type { LastUse } from '../last-use.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import type { Initiator, Rotation } from '../rotation.ts'
import type { RotationPlan } from '../rotation-policy.ts'
import type { Tenant } from '../tenant.ts'

const initiator = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('operator'),
    request: z.string(),
    address: z.string(),
    actor: z.string().exactOptional(),
  }),
  z.object({ kind: z.enum(['schedule', 'time']) }),
])
const asInitiator = { from: (kept: unknown) => initiator.parse(kept), to: (whole: unknown) => whole }
const asInitiatorOrNobody = { from: (kept: unknown) => initiator.nullable().parse(kept), to: (whole: unknown) => whole }

/** Rows of deleted tenants stay, so that their ids are never given again. */
@Entity({ name: 'tenant' })
export class TenantRow implements Tenant {
  @PrimaryColumn('text') id!: string
  @Column('text') name!: string
  @Column('integer') version!: number
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
  @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null
}

/** Rows of deleted connections stay until their tenant is deleted, for who asks for them; all else of theirs is gone. */
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
  @Column('timestamptz', { name: 'deleted_at', nullable: true }) deletedAt!: Date | null
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
  @Column('text', { nullable: true }) unrevealed!: string | null
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
  @Column('timestamptz', { name: 'activated_at', nullable: true }) activatedAt!: Date | null
  @Column('timestamptz', { name: 'retired_at', nullable: true }) retiredAt!: Date | null
  @Column('timestamptz', { nullable: true }) until!: Date | null
  @Column('timestamptz', { name: 'exposed_at', nullable: true }) exposedAt!: Date | null
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null
}

/** For a condition on the state of keys. */
export const acceptedStates = In(keyStates.filter(isAccepted))

@Entity({ name: 'data_key' })
export class DataKeyRow implements TenantDataKey {
  @PrimaryColumn('text') tenant!: string
  @PrimaryColumn('text') id!: string
  @Column('integer') version!: number
  @Column('text', { name: 'kek_id' }) kekId!: string
  @Column('text', { name: 'kek_version' }) kekVersion!: string
  @Column('text') wrapped!: string
  @Column('timestamptz', { name: 'created_at' }) createdAt!: Date
}

@Entity({ name: 'key_use' })
export class KeyUseRow implements LastUse {
  @PrimaryColumn('text') connection!: string
  @PrimaryColumn('text') kid!: string
  @Column('timestamptz') at!: Date
  @Column('text') address!: string
  @Column('text', { name: 'user_agent', nullable: true }) userAgent!: string | null
  @Column('timestamptz', { name: 'first_at', nullable: true }) firstAt!: Date | null
  @Column('text', { name: 'first_address', nullable: true }) firstAddress!: string | null
  @Column('text', { name: 'first_user_agent', nullable: true }) firstUserAgent!: string | null
}

@Entity({ name: 'rotation' })
export class RotationRow implements Rotation {
  @PrimaryColumn('uuid') id!: string
  @Column('text') connection!: string
  @Column('text') tenant!: string
  @Column('text', { name: 'old_key' }) from!: Kid
  @Column('text', { name: 'new_key' }) to!: Kid
  @Column('text') mode!: Rotation['mode']
  @Column('integer', { name: 'grace_hours' }) graceHours!: number
  @Column('text') state!: Rotation['state']
  @Column('integer') version!: number
  @Column('timestamptz', { name: 'started_at' }) startedAt!: Date
  @Column('jsonb', { name: 'started_by', transformer: asInitiator }) startedBy!: Initiator
  @Column('timestamptz', { name: 'due_at' }) dueAt!: Date
  @Column('timestamptz', { name: 'hard_end', nullable: true }) hardEnd!: Date | null
  @Column('timestamptz', { name: 'cut_over_at', nullable: true }) cutOverAt!: Date | null
  @Column('timestamptz', { nullable: true }) until!: Date | null
  @Column('integer') extensions!: number
  @Column('timestamptz', { name: 'ended_at', nullable: true }) endedAt!: Date | null
  @Column('jsonb', { name: 'ended_by', nullable: true, transformer: asInitiatorOrNobody }) endedBy!: Initiator | null
  @Column('text', { nullable: true }) outcome!: Rotation['outcome']
}

@Entity({ name: 'rotation_plan' })
export class RotationPlanRow implements RotationPlan {
  @PrimaryColumn('text') connection!: string
  @Column('integer', { name: 'policy_version' }) policyVersion!: number
  @Column('text') mode!: RotationPlan['mode']
  @Column('integer', { name: 'every_days', nullable: true }) everyDays!: number | null
  @Column('integer', { name: 'grace_hours' }) graceHours!: number
  @Column('integer', { name: 'mint_ahead_days' }) mintAheadDays!: number
  @Column('timestamptz', { name: 'due_at', nullable: true }) dueAt!: Date | null
  @Column('timestamptz', { name: 'mint_at', nullable: true }) mintAt!: Date | null
  @Column('uuid', { name: 'next_rotation', nullable: true }) nextRotation!: string | null
  @Column('integer', { name: 'next_version' }) nextVersion!: number
  @Column('timestamptz', { name: 'told_of', nullable: true }) toldOf!: Date | null
  @Column('integer', { nullable: true }) told!: number | null
  @Column('text', { name: 'scheduled_for', nullable: true }) scheduledFor!: Kid | null
  @Column('text', { name: 'blocked_for', nullable: true }) blockedFor!: Kid | null
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
export const keysEntities = [
  TenantRow,
  ConnectionRow,
  KeyRow,
  DataKeyRow,
  KeyUseRow,
  RotationRow,
  RotationPlanRow,
  TokenRow,
  TokenUseRow,
]

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
