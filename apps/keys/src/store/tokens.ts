import { type EntityManager, In } from 'typeorm'
import type { TokenId } from '#libs/credentials/index'
import type { Paging } from '#libs/http/index'
import type { AdminToken } from '../admin-token.ts'
import type { LastUse } from '../last-use.ts'
import { TokenRow, TokenUseRow } from './entities.ts'

export async function insertToken(manager: EntityManager, token: AdminToken): Promise<void> {
  await manager.insert(TokenRow, written(token))
}

export async function findToken(manager: EntityManager, id: TokenId): Promise<AdminToken | undefined> {
  const [row] = await manager.find(TokenRow, { where: { id }, take: 1 })
  return row
}

/** Those that there are, by one query. */
export async function tokensNamed(
  manager: EntityManager,
  ids: readonly TokenId[],
): Promise<ReadonlyMap<TokenId, AdminToken>> {
  const rows = ids.length === 0 ? [] : await manager.find(TokenRow, { where: { id: In([...new Set(ids)]) } })
  return new Map(rows.map((row) => [row.id, row]))
}

/** The token, which nobody else changes until the transaction ends. */
export async function lockToken(manager: EntityManager, id: TokenId): Promise<AdminToken | undefined> {
  const [row] = await manager.find(TokenRow, { where: { id }, take: 1, lock: { mode: 'for_no_key_update' } })
  return row
}

export async function updateToken(manager: EntityManager, after: AdminToken): Promise<void> {
  await manager.update(TokenRow, { id: after.id }, written(after))
}

/** One more than the page holds, newest first; only those limited to some of `tenants`, where that is not null. */
export async function listTokens(
  manager: EntityManager,
  { limit, after }: Paging,
  tenants: readonly string[] | null,
): Promise<AdminToken[]> {
  const query = manager.createQueryBuilder(TokenRow, 'token')
  if (tenants !== null) query.andWhere('token.tenants <@ :tenants::text[]', { tenants: [...tenants] })
  if (after !== undefined) {
    query.andWhere('(token.createdAt, token.id) < (:at::timestamptz, :id)', { at: after[0], id: after[1] })
  }
  return query
    .orderBy('token.createdAt', 'DESC')
    .addOrderBy('token.id', 'DESC')
    .limit(limit + 1)
    .getMany()
}

/** By id; nothing for a token that was never used. */
export async function lastTokenUses(
  manager: EntityManager,
  ids: readonly TokenId[],
): Promise<ReadonlyMap<string, LastUse>> {
  const rows = await manager.find(TokenUseRow, { where: { token: In([...ids]) } })
  return new Map(rows.map((row) => [row.token, row]))
}

function written(token: AdminToken) {
  const { scopes, tenants, allowlist } = token
  return {
    ...token,
    digest: Buffer.from(token.digest),
    scopes: [...scopes],
    tenants: tenants === null ? null : [...tenants],
    allowlist: [...allowlist],
  }
}
