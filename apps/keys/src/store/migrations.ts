import type { MigrationInterface, QueryRunner } from 'typeorm'
import { AdminTokenTables } from '#libs/admin/index'
import { FollowerTables, OutboxTables } from '#libs/eventlog/index'
import { type Database, migrate } from '#libs/postgres/index'

class Keys1764000000101 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.tenant (
        id text PRIMARY KEY,
        name text NOT NULL,
        version integer NOT NULL,
        created_at timestamptz NOT NULL,
        deleted_at timestamptz
      );
      CREATE UNIQUE INDEX tenant_name ON keys.tenant (lower(name)) WHERE deleted_at IS NULL;

      CREATE TABLE keys.connection (
        id text PRIMARY KEY,
        tenant text NOT NULL REFERENCES keys.tenant,
        name text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('live', 'sandbox')),
        identity_provider text NOT NULL,
        state text NOT NULL CHECK (state IN ('enabled', 'disabled')),
        version integer NOT NULL,
        created_at timestamptz NOT NULL
      );
      CREATE UNIQUE INDEX connection_name ON keys.connection (tenant, lower(name));
      CREATE INDEX connection_by_tenant ON keys.connection (tenant, created_at, id);
      CREATE INDEX connection_by_age ON keys.connection (created_at, id);

      CREATE TABLE keys.provisioning_key (
        connection text NOT NULL REFERENCES keys.connection,
        kid text NOT NULL,
        tenant text NOT NULL,
        environment text NOT NULL CHECK (environment IN ('live', 'sandbox')),
        state text NOT NULL CHECK (state IN ('active', 'revoked')),
        pepper_version integer NOT NULL,
        digest bytea NOT NULL,
        sealed text CHECK (sealed IS NULL OR (environment = 'sandbox' AND state = 'active')),
        created_at timestamptz NOT NULL,
        revoked_at timestamptz,
        PRIMARY KEY (connection, kid)
      );
      CREATE INDEX provisioning_key_by_kid ON keys.provisioning_key (kid);
      CREATE INDEX provisioning_key_by_age ON keys.provisioning_key (connection, created_at, kid);

      CREATE TABLE keys.key_use (
        connection text NOT NULL,
        kid text NOT NULL,
        at timestamptz NOT NULL,
        address text NOT NULL,
        user_agent text,
        PRIMARY KEY (connection, kid),
        FOREIGN KEY (connection, kid) REFERENCES keys.provisioning_key ON DELETE CASCADE
      );

      CREATE TABLE keys.answered (
        tenant text NOT NULL,
        idempotency_key text NOT NULL,
        fingerprint bytea NOT NULL,
        answer jsonb NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (tenant, idempotency_key)
      );
      CREATE INDEX answered_expiry ON keys.answered (expires_at);`)
    await runner.query(FollowerTables.create('keys'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(FollowerTables.drop('keys'))
    await runner.query('DROP TABLE keys.answered, keys.key_use, keys.provisioning_key, keys.connection, keys.tenant')
  }
}

class Peppers1764000000102 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE keys.pepper (version integer PRIMARY KEY, fingerprint bytea NOT NULL)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.pepper')
  }
}

class Outbox1764000000103 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.create('keys'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.drop('keys'))
  }
}

class ConnectionSettings1764000000104 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.connection
        ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN schemas jsonb NOT NULL DEFAULT '[]'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.connection DROP COLUMN settings, DROP COLUMN schemas')
  }
}

class SchemaUses1764000000105 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.schema_use (
        connection text NOT NULL REFERENCES keys.connection ON DELETE CASCADE,
        schema text NOT NULL,
        PRIMARY KEY (connection, schema)
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.schema_use')
  }
}

class KeyLife1764000000106 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.provisioning_key
        DROP CONSTRAINT provisioning_key_state_check,
        DROP CONSTRAINT provisioning_key_check,
        ADD COLUMN version integer NOT NULL DEFAULT 1,
        ADD COLUMN policy jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN activated_at timestamptz,
        ADD COLUMN retired_at timestamptz,
        ADD COLUMN until timestamptz;
      ALTER TABLE keys.provisioning_key RENAME COLUMN revoked_at TO ended_at;
      UPDATE keys.provisioning_key SET version = 2 WHERE state = 'revoked';
      UPDATE keys.provisioning_key SET activated_at = created_at WHERE state = 'active';
      ALTER TABLE keys.provisioning_key
        ADD CONSTRAINT provisioning_key_state CHECK (state IN ('pending', 'active', 'retiring', 'expired', 'revoked', 'cancelled')),
        ADD CONSTRAINT provisioning_key_ended CHECK ((ended_at IS NULL) = (state IN ('pending', 'active', 'retiring'))),
        ADD CONSTRAINT provisioning_key_sealed CHECK (sealed IS NULL OR (environment = 'sandbox' AND ended_at IS NULL));`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.provisioning_key
        DROP CONSTRAINT provisioning_key_state, DROP CONSTRAINT provisioning_key_ended, DROP CONSTRAINT provisioning_key_sealed;
      UPDATE keys.provisioning_key SET state = CASE WHEN ended_at IS NULL THEN 'active' ELSE 'revoked' END;
      ALTER TABLE keys.provisioning_key RENAME COLUMN ended_at TO revoked_at;
      ALTER TABLE keys.provisioning_key
        DROP COLUMN version, DROP COLUMN policy, DROP COLUMN activated_at, DROP COLUMN retired_at, DROP COLUMN until,
        ADD CONSTRAINT provisioning_key_state_check CHECK (state IN ('active', 'revoked')),
        ADD CONSTRAINT provisioning_key_check CHECK (sealed IS NULL OR (environment = 'sandbox' AND state = 'active'));`)
  }
}

class AdminTokens1764000000115 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AdminTokenTables.create('keys'))
    await runner.query(`
      ALTER TABLE keys.admin_token
        ADD COLUMN name text NOT NULL,
        ADD COLUMN created_at timestamptz NOT NULL,
        ADD COLUMN created_by text NOT NULL;
      CREATE INDEX admin_token_by_age ON keys.admin_token (created_at, id);
      CREATE TABLE keys.admin_token_use (
        token text PRIMARY KEY REFERENCES keys.admin_token,
        at timestamptz NOT NULL,
        address text NOT NULL,
        user_agent text
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.admin_token_use')
    await runner.query(AdminTokenTables.drop('keys'))
  }
}

class FirstUses1764000000107 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.key_use
        ADD COLUMN first_at timestamptz,
        ADD COLUMN first_address text,
        ADD COLUMN first_user_agent text`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE keys.key_use DROP COLUMN first_at, DROP COLUMN first_address, DROP COLUMN first_user_agent',
    )
  }
}

class Rotations1764000000108 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.rotation_plan (
        connection text PRIMARY KEY REFERENCES keys.connection ON DELETE CASCADE,
        mode text NOT NULL CHECK (mode IN ('safe', 'strict')),
        every_days integer CHECK (every_days > 0),
        grace_hours integer NOT NULL CHECK (grace_hours >= 0),
        mint_ahead_days integer NOT NULL CHECK (mint_ahead_days > 0),
        due_at timestamptz,
        next_rotation uuid,
        next_version integer NOT NULL,
        told_of timestamptz,
        told integer,
        scheduled_for text,
        blocked_for text
      );
      CREATE INDEX rotation_plan_due ON keys.rotation_plan (due_at) WHERE due_at IS NOT NULL;

      CREATE TABLE keys.rotation (
        id uuid PRIMARY KEY,
        connection text NOT NULL REFERENCES keys.connection ON DELETE CASCADE,
        tenant text NOT NULL,
        old_key text NOT NULL,
        new_key text NOT NULL,
        mode text NOT NULL CHECK (mode IN ('safe', 'strict')),
        grace_hours integer NOT NULL,
        state text NOT NULL CHECK (state IN ('running', 'finished', 'cancelled')),
        version integer NOT NULL,
        started_at timestamptz NOT NULL,
        started_by jsonb NOT NULL,
        due_at timestamptz NOT NULL,
        hard_end timestamptz,
        cut_over_at timestamptz,
        until timestamptz,
        extensions integer NOT NULL,
        ended_at timestamptz,
        ended_by jsonb,
        outcome text,
        CONSTRAINT rotation_ended CHECK ((state = 'running') = (ended_at IS NULL) AND (ended_at IS NULL) = (outcome IS NULL))
      );
      CREATE UNIQUE INDEX rotation_running ON keys.rotation (connection) WHERE state = 'running';
      CREATE INDEX rotation_by_age ON keys.rotation (connection, started_at, id);

      ALTER TABLE keys.provisioning_key
        ADD COLUMN unrevealed text,
        ADD CONSTRAINT provisioning_key_unrevealed CHECK (unrevealed IS NULL OR state = 'pending');`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.provisioning_key DROP COLUMN unrevealed;
      DROP TABLE keys.rotation, keys.rotation_plan;`)
  }
}

/** `next_look` has no reference to connections: whoever writes it then waits for nobody but others that write it. */
class RotationWorker1764000000109 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.next_look (
        connection text PRIMARY KEY,
        at timestamptz NOT NULL
      );
      CREATE INDEX next_look_at ON keys.next_look (at);
      INSERT INTO keys.next_look SELECT DISTINCT connection, '-infinity'::timestamptz FROM keys.provisioning_key WHERE ended_at IS NULL;

      CREATE TABLE keys.lease (
        name text PRIMARY KEY,
        holder uuid NOT NULL,
        until timestamptz NOT NULL
      );`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.lease, keys.next_look')
  }
}

class DataKeys1764000000110 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.data_key (
        tenant text NOT NULL REFERENCES keys.tenant,
        id text NOT NULL,
        version integer NOT NULL,
        kek_id text NOT NULL,
        kek_version text NOT NULL,
        wrapped text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (tenant, id)
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.data_key')
  }
}

class Exposures1764000000113 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.provisioning_key ADD COLUMN exposed_at timestamptz')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.provisioning_key DROP COLUMN exposed_at')
  }
}

/** A deleted connection's name is free; what it was stays, for who asks. */
class DeletedConnections1764000000130 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.connection ADD COLUMN deleted_at timestamptz;
      DROP INDEX keys.connection_name;
      CREATE UNIQUE INDEX connection_name ON keys.connection (tenant, lower(name)) WHERE deleted_at IS NULL;
      CREATE INDEX connection_deleted ON keys.connection (created_at, id) WHERE deleted_at IS NOT NULL;`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX keys.connection_name, keys.connection_deleted;
      CREATE UNIQUE INDEX connection_name ON keys.connection (tenant, lower(name));
      ALTER TABLE keys.connection DROP COLUMN deleted_at;`)
  }
}

class PolicyVersions1764000000131 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.rotation_plan ADD COLUMN policy_version integer NOT NULL DEFAULT 0')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.rotation_plan DROP COLUMN policy_version')
  }
}

/** An event is published to a topic of its environment. */
class Topics1764000000134 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.addTopic('keys'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.dropTopic('keys'))
  }
}

/**
 * The successor of a key that was to end in 9999 could be given an end beyond it, which no reader of RFC 3339 takes: neither the gateways, which never
 * knew such a key, nor this service. It is given the longest life that there is.
 */
class LongestLives1764000000135 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE keys.provisioning_key
      SET policy = policy || jsonb_build_object('expiresAt',
        to_char((created_at + interval '36500 days') AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))
      WHERE policy->>'expiresAt' !~ '^[0-9]{4}-'`)
  }

  /** What they had could not be read. */
  async down(): Promise<void> {}
}

/** What was made at the first start is made once. `connection` has no reference: the row outlasts its connection. */
class Quickstart1764000000136 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE keys.quickstart (connection text PRIMARY KEY);
      INSERT INTO keys.quickstart
        SELECT connection.id FROM keys.connection JOIN keys.tenant ON tenant.id = connection.tenant
        WHERE lower(connection.name) = 'quickstart' AND lower(tenant.name) = 'acme'
        ORDER BY connection.created_at LIMIT 1;`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE keys.quickstart')
  }
}

/** What needs a pepper is asked for of all keys that there are. */
class AcceptedByPepper1764000000137 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'CREATE INDEX provisioning_key_by_pepper ON keys.provisioning_key (pepper_version, kid) WHERE ended_at IS NULL',
    )
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX keys.provisioning_key_by_pepper')
  }
}

/** Of plans that are there: as it is where nothing is in the way. Each is made right when its connection is settled next. */
class NextMintings1764000000138 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE keys.rotation_plan ADD COLUMN mint_at timestamptz;
      UPDATE keys.rotation_plan SET mint_at = due_at - make_interval(hours => 24 * mint_ahead_days);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE keys.rotation_plan DROP COLUMN mint_at')
  }
}

export async function migrateKeys(database: Database): Promise<void> {
  await migrate(database, {
    schema: 'keys',
    migrations: [
      Keys1764000000101,
      Peppers1764000000102,
      Outbox1764000000103,
      ConnectionSettings1764000000104,
      SchemaUses1764000000105,
      KeyLife1764000000106,
      FirstUses1764000000107,
      Rotations1764000000108,
      RotationWorker1764000000109,
      DataKeys1764000000110,
      Exposures1764000000113,
      AdminTokens1764000000115,
      DeletedConnections1764000000130,
      PolicyVersions1764000000131,
      Topics1764000000134,
      LongestLives1764000000135,
      Quickstart1764000000136,
      AcceptedByPepper1764000000137,
      NextMintings1764000000138,
    ],
  })
}
