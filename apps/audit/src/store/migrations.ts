import type { MigrationInterface, QueryRunner } from 'typeorm'
import { AdminTokenTables } from '#libs/admin/index'
import { FollowerTables } from '#libs/eventlog/index'

class Audit1764000000201 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FollowerTables.create('audit'))
    await runner.query(`
      -- What is searched stands in columns, the whole decision in payload (JSON, as received). tenant is '' when the request named no known one.
      CREATE TABLE audit.record (
        tenant text NOT NULL,
        received_at timestamptz NOT NULL,
        id text NOT NULL,
        connection text,
        kid text,
        surface text NOT NULL,
        operation text,
        outcome text NOT NULL,
        status integer NOT NULL,
        payload text NOT NULL,
        PRIMARY KEY (tenant, received_at, id)
      ) PARTITION BY RANGE (received_at);
      CREATE INDEX record_connection ON audit.record (connection, received_at, id) WHERE connection IS NOT NULL;
      CREATE INDEX record_kid ON audit.record (kid, received_at, id) WHERE kid IS NOT NULL;
      CREATE INDEX record_time ON audit.record (received_at, id);
      CREATE INDEX record_id ON audit.record (id);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE audit.record; ${FollowerTables.drop('audit')}`)
  }
}

/** The bulk request that a request was an operation of. */
class Within1764000000202 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit.record ADD COLUMN within_request text;
      CREATE INDEX record_within ON audit.record (within_request, received_at, id) WHERE within_request IS NOT NULL`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit.record DROP COLUMN within_request')
  }
}

class AdminTokens1764000000203 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AdminTokenTables.create('audit'))
    await runner.query(`
      ALTER TABLE audit.record ADD COLUMN actor text;
      CREATE INDEX record_actor ON audit.record (actor, received_at, id) WHERE actor IS NOT NULL`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit.record DROP COLUMN actor')
    await runner.query(AdminTokenTables.drop('audit'))
  }
}

export const migrations = [Audit1764000000201, Within1764000000202, AdminTokens1764000000203]
