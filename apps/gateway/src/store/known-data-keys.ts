import type { AnyEvent } from '#libs/events/index'
import type { Database, Transaction } from '#libs/postgres/index'
import type { StoredDataKey } from '#libs/sealing/index'

type Row = { kek_id: string; kek_version: string; wrapped: string }

/** The data keys of all tenants, wrapped: this gateway's own copy, filled by events alone, so that it opens what is sealed while the keys service is down. */
export class KnownDataKeys {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  async find(tenant: string, id: string): Promise<StoredDataKey | undefined> {
    const [row] = await this.#database.quick<Row>(readDataKey, [tenant, id])
    return row && { tenant, id, kekId: row.kek_id, kekVersion: row.kek_version, wrapped: row.wrapped }
  }

  async apply(transaction: Transaction, events: readonly AnyEvent[]): Promise<void> {
    for (const event of events) {
      if (event.name === 'data-key.made' || event.name === 'data-key.rewrapped') {
        const { tenant, dataKey, kekId, kekVersion, wrapped } = event.payload
        await transaction.query(keepDataKey, [tenant, dataKey, event.version, kekId, kekVersion, wrapped])
      } else if (event.name === 'data-key.destroyed') {
        await transaction.query(destroyDataKey, [event.payload.tenant, event.payload.dataKey, event.version])
      }
    }
  }
}

const readDataKey = {
  name: 'gateway read data key',
  text: `SELECT kek_id, kek_version, wrapped FROM gateway.known_data_key WHERE tenant = $1 AND id = $2 AND wrapped <> ''`,
}

const keepDataKey = `
  INSERT INTO gateway.known_data_key (tenant, id, version, kek_id, kek_version, wrapped) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT (tenant, id) DO UPDATE SET
    version = excluded.version, kek_id = excluded.kek_id, kek_version = excluded.kek_version, wrapped = excluded.wrapped
  WHERE known_data_key.version < excluded.version`

/** The row stays, empty, for what is delivered late. */
const destroyDataKey = `
  INSERT INTO gateway.known_data_key (tenant, id, version, kek_id, kek_version, wrapped) VALUES ($1, $2, $3, '', '', '')
  ON CONFLICT (tenant, id) DO UPDATE SET version = excluded.version, kek_id = '', kek_version = '', wrapped = ''
  WHERE known_data_key.version < excluded.version`
