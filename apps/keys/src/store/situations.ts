import type { EntityManager } from 'typeorm'
import type { Kid } from '#libs/credentials/index'
import type { Paging } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { running, type Rotation, type Situation, type Turn } from '../rotation.ts'
import { defaultPlan, type RotationPlan } from '../rotation-policy.ts'
import type { ProvisioningKey } from '../provisioning-key.ts'
import { lockConnection } from './connections.ts'
import { RotationPlanRow, RotationRow } from './entities.ts'
import { insertKey, lockKeys, updateKey, usesOf } from './keys.ts'
import { holdLooks, lookNext } from './looks.ts'

/** The connection with its keys as they are now, and with that key, whatever became of it; nobody else changes any of it until the transaction ends. Undefined when it is gone. */
export async function lockSituation(manager: EntityManager, id: string, kid?: Kid): Promise<Situation | undefined> {
  const connection = await lockConnection(manager, id)
  if (connection === undefined) return undefined
  const [rotation] = await manager.find(RotationRow, { where: { connection: id, state: 'running' }, take: 1 })
  const named = [kid, rotation?.from, rotation?.to].filter((one) => one !== undefined)
  const keys = await lockKeys(manager, id, named)
  await holdLooks(manager, [id])
  return {
    connection,
    keys,
    uses:
      keys.length === 0
        ? new Map()
        : await usesOf(
            manager,
            id,
            keys.map((key) => key.kid),
          ),
    rotations: rotation === undefined ? [] : [rotation],
    plan: await findPlan(manager, id),
  }
}

/**
 * Locks what the situations of several keys are made of, for `lockSituation` to wait for nobody: all of one kind before the next, each in the order of
 * ids, as followers do. Of each connection these are the keys that `lockSituation` locks: those named, those accepted, and those of the rotation that runs.
 */
export async function lockSituations(
  manager: EntityManager,
  keys: readonly Pick<ProvisioningKey, 'connection' | 'kid'>[],
): Promise<void> {
  if (keys.length === 0) return
  const connections = keys.map(({ connection }) => connection)
  await manager.query('SELECT FROM keys.connection WHERE id = ANY($1) ORDER BY id FOR UPDATE', [connections])
  await manager.query(
    `SELECT FROM keys.provisioning_key AS key
     WHERE connection = ANY($1) AND (kid = ANY($2) OR ended_at IS NULL OR EXISTS (
       SELECT FROM keys.rotation WHERE connection = key.connection AND state = 'running' AND key.kid IN (old_key, new_key)))
     ORDER BY connection, kid FOR NO KEY UPDATE OF key`,
    [connections, keys.map(({ kid }) => kid)],
  )
  await holdLooks(manager, connections)
}

/** Stores what became of a situation that `lockSituation` gave, and when to look at it again. */
export async function keepSituation(
  manager: EntityManager,
  before: Situation,
  { situation: after, lookAt }: Turn & { readonly lookAt: Date | undefined },
): Promise<void> {
  for (const key of after.keys) {
    const held = before.keys.find(({ kid }) => kid === key.kid)
    if (held === undefined) await insertKey(manager, key)
    else if (held !== key) await updateKey(manager, key)
  }
  // What ended goes first: of those that are running there is never more than one.
  const isRunning = (rotation: Rotation): number => Number(rotation === running(after))
  for (const rotation of after.rotations.toSorted((a, b) => isRunning(a) - isRunning(b))) {
    if (!before.rotations.includes(rotation)) await manager.upsert(RotationRow, rotation, ['id'])
  }
  if (after.plan !== before.plan) await manager.upsert(RotationPlanRow, after.plan, ['connection'])
  await lookNext(manager, after.connection.id, lookAt)
}

export async function findPlan(manager: EntityManager, connection: string): Promise<RotationPlan> {
  const [row] = await manager.find(RotationPlanRow, { where: { connection }, take: 1 })
  return row ?? defaultPlan(connection)
}

export async function findRotation(manager: EntityManager, id: string): Promise<Rotation | undefined> {
  const [row] = await manager.find(RotationRow, { where: { id }, take: 1 })
  return row
}

/** One more than the page holds, newest first. */
export async function listRotations(
  manager: EntityManager,
  { limit, after }: Paging,
  connection: string,
  state?: Rotation['state'],
): Promise<Rotation[]> {
  const query = manager
    .createQueryBuilder(RotationRow, 'rotation')
    .where('rotation.connection = :connection', { connection })
  if (state !== undefined) query.andWhere('rotation.state = :state', { state })
  if (after !== undefined) {
    query.andWhere('(rotation.startedAt, CAST(rotation.id AS text)) < (:at::timestamptz, :id)', {
      at: after[0],
      id: after[1],
    })
  }
  return query
    .orderBy('rotation.startedAt', 'DESC')
    .addOrderBy('rotation.id', 'DESC')
    .limit(limit + 1)
    .getMany()
}

const counts = {
  name: 'keys count rotations',
  text: `
    SELECT (SELECT count(*) FROM keys.rotation WHERE state = 'running') AS running,
      (SELECT count(*) FROM keys.rotation_plan WHERE due_at <= $1) AS overdue`,
}

export async function rotationCounts(database: Database, now: Date): Promise<{ running: number; overdue: number }> {
  const [row] = await database.query<{ running: number; overdue: number }>(counts, [now])
  return row ?? { running: 0, overdue: 0 }
}
