import type { MigrationInterface, QueryRunner } from 'typeorm'
import { AdminTokenTables, AnsweredTables } from '#libs/admin/index'
import { FollowerTables, OutboxTables } from '#libs/eventlog/index'
import { LaneTables, LeaseTables } from '#libs/postgres/index'
import { createFold } from './fold-sql.ts'

class Gateway1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.scim_user (
        connection text NOT NULL,
        id uuid NOT NULL,
        user_name_key text NOT NULL,
        external_id text,
        display_name_key text,
        email_keys text[] NOT NULL,
        active boolean NOT NULL,
        version integer NOT NULL,
        created timestamptz(3) NOT NULL,
        last_modified timestamptz(3) NOT NULL,
        document jsonb NOT NULL,
        PRIMARY KEY (connection, id)
      );
      CREATE UNIQUE INDEX scim_user_name ON gateway.scim_user (connection, user_name_key);
      CREATE INDEX scim_user_external_id ON gateway.scim_user (connection, external_id) WHERE external_id IS NOT NULL;
      CREATE INDEX scim_user_display_name ON gateway.scim_user (connection, display_name_key) WHERE display_name_key IS NOT NULL;
      CREATE INDEX scim_user_last_modified ON gateway.scim_user (connection, last_modified);
      CREATE INDEX scim_user_inactive ON gateway.scim_user (connection, id) WHERE NOT active;
      -- Each element begins with its connection; entries go straight to the index, since a pending list would be searched row by row.
      CREATE INDEX scim_user_email ON gateway.scim_user USING gin (email_keys) WITH (fastupdate = off);

      CREATE TABLE gateway.scim_group (
        connection text NOT NULL,
        id uuid NOT NULL,
        external_id text,
        display_name_key text NOT NULL,
        version integer NOT NULL,
        created timestamptz(3) NOT NULL,
        last_modified timestamptz(3) NOT NULL,
        document jsonb NOT NULL,
        PRIMARY KEY (connection, id)
      );
      CREATE INDEX scim_group_external_id ON gateway.scim_group (connection, external_id) WHERE external_id IS NOT NULL;
      CREATE INDEX scim_group_display_name ON gateway.scim_group (connection, display_name_key);
      CREATE INDEX scim_group_last_modified ON gateway.scim_group (connection, last_modified);

      -- A member nobody knows yet is kept too, with no kind.
      CREATE TABLE gateway.membership (
        connection text NOT NULL,
        group_id uuid NOT NULL,
        member_id text NOT NULL,
        kind text CHECK (kind IN ('User', 'Group')),
        PRIMARY KEY (connection, group_id, member_id)
      );
      CREATE INDEX membership_member ON gateway.membership (connection, member_id);

      CREATE TABLE gateway.known_connection (
        connection text PRIMARY KEY,
        tenant text NOT NULL,
        environment text NOT NULL,
        identity_provider text NOT NULL,
        enabled boolean NOT NULL,
        version integer NOT NULL
      );
      CREATE TABLE gateway.deleted_connection (
        connection text PRIMARY KEY,
        deleted_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE gateway.known_key (
        connection text NOT NULL,
        kid text NOT NULL,
        tenant text NOT NULL,
        environment text NOT NULL,
        pepper_version integer NOT NULL,
        digest bytea NOT NULL,
        revoked boolean NOT NULL DEFAULT false,
        PRIMARY KEY (connection, kid)
      );
      CREATE INDEX known_key_kid ON gateway.known_key (kid);
    `)
    await runner.query(FollowerTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(FollowerTables.drop('gateway'))
    await runner.query(
      'DROP TABLE gateway.known_key, gateway.deleted_connection, gateway.known_connection, gateway.membership, gateway.scim_group, gateway.scim_user',
    )
  }
}

class Outbox1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.drop('gateway'))
  }
}

class TrustChanges1764000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.trust_changes (one boolean PRIMARY KEY DEFAULT true CHECK (one), changes bigint NOT NULL DEFAULT 0);
      INSERT INTO gateway.trust_changes DEFAULT VALUES`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.trust_changes')
  }
}

class Lanes1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LaneTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(LaneTables.drop('gateway'))
  }
}

class ConnectionSettings1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.known_connection
        ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN schemas jsonb NOT NULL DEFAULT '[]'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE gateway.known_connection DROP COLUMN settings, DROP COLUMN schemas')
  }
}

class DeletedRecords1764000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What was deleted and can still be restored, apart from what stands. A membership is kept with the one of the two that was deleted first.
      CREATE TABLE gateway.deleted_record (
        connection text NOT NULL,
        id uuid NOT NULL,
        resource_type text NOT NULL CHECK (resource_type IN ('User', 'Group')),
        name_key text NOT NULL,
        version integer NOT NULL,
        created timestamptz(3) NOT NULL,
        deleted_at timestamptz(3) NOT NULL,
        document jsonb NOT NULL,
        group_ids uuid[] NOT NULL DEFAULT '{}',
        member_ids text[] NOT NULL DEFAULT '{}',
        -- Members that nobody knew.
        parked_ids text[] NOT NULL DEFAULT '{}',
        PRIMARY KEY (connection, id)
      );
      CREATE INDEX deleted_record_deleted_at ON gateway.deleted_record (connection, deleted_at, id);
      CREATE INDEX deleted_record_name ON gateway.deleted_record (connection, name_key);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.deleted_record')
  }
}

/** Texts are compared and sorted by code point, whatever the locale of the database; a list rides on an index in the order that it has. */
class Listing1764000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.scim_user
        ALTER COLUMN user_name_key TYPE text COLLATE "C",
        ALTER COLUMN external_id TYPE text COLLATE "C",
        ALTER COLUMN display_name_key TYPE text COLLATE "C";
      ALTER TABLE gateway.scim_group
        ALTER COLUMN external_id TYPE text COLLATE "C",
        ALTER COLUMN display_name_key TYPE text COLLATE "C";
      ALTER TABLE gateway.membership ALTER COLUMN member_id TYPE text COLLATE "C";

      -- Each holds the id too, so that pages are found, and counted, without the rows.
      DROP INDEX gateway.scim_user_name, gateway.scim_user_inactive, gateway.scim_user_external_id, gateway.scim_user_display_name,
        gateway.scim_user_last_modified, gateway.scim_group_external_id, gateway.scim_group_display_name, gateway.scim_group_last_modified;
      CREATE UNIQUE INDEX scim_user_name ON gateway.scim_user (connection, user_name_key) INCLUDE (id);
      CREATE INDEX scim_user_active ON gateway.scim_user (connection, active, id);
      CREATE INDEX scim_user_external_id ON gateway.scim_user (connection, external_id, id);
      CREATE INDEX scim_user_display_name ON gateway.scim_user (connection, display_name_key, id);
      CREATE INDEX scim_user_created ON gateway.scim_user (connection, created, id);
      CREATE INDEX scim_user_last_modified ON gateway.scim_user (connection, last_modified, id);
      CREATE INDEX scim_group_external_id ON gateway.scim_group (connection, external_id, id);
      CREATE INDEX scim_group_display_name ON gateway.scim_group (connection, display_name_key, id);
      CREATE INDEX scim_group_created ON gateway.scim_group (connection, created, id);
      CREATE INDEX scim_group_last_modified ON gateway.scim_group (connection, last_modified, id);
    `)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX gateway.scim_user_created, gateway.scim_group_created')
  }
}

class CapturedRequests1764000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.captured_request (
        connection text NOT NULL,
        request_id uuid NOT NULL,
        received_at timestamptz(3) NOT NULL,
        method text NOT NULL,
        path text NOT NULL,
        query text NOT NULL,
        headers jsonb NOT NULL,
        body text,
        PRIMARY KEY (connection, request_id)
      );
      CREATE UNIQUE INDEX captured_request_id ON gateway.captured_request (request_id);
      CREATE INDEX captured_request_age ON gateway.captured_request (received_at);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.captured_request')
  }
}

/**
 * A change of a record rewrites its row within its page, and no index beside: none may hold what every change changes, save one that only
 * sums up pages. With a million users each index entry would lie on a page of its own, to be written to the log whole after each checkpoint.
 */
class InPlace1764000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX gateway.scim_user_last_modified, gateway.scim_group_last_modified;
      CREATE INDEX scim_user_last_modified ON gateway.scim_user USING brin (connection, last_modified) WITH (pages_per_range = 8, autosummarize = on);
      CREATE INDEX scim_group_last_modified ON gateway.scim_group USING brin (connection, last_modified) WITH (pages_per_range = 8, autosummarize = on);
      -- Room for the next state of a row beside it.
      ALTER TABLE gateway.scim_user SET (fillfactor = 90);
      ALTER TABLE gateway.scim_group SET (fillfactor = 70);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.scim_user RESET (fillfactor);
      ALTER TABLE gateway.scim_group RESET (fillfactor);
      DROP INDEX gateway.scim_user_last_modified, gateway.scim_group_last_modified;
      CREATE INDEX scim_user_last_modified ON gateway.scim_user (connection, last_modified, id);
      CREATE INDEX scim_group_last_modified ON gateway.scim_group (connection, last_modified, id);`)
  }
}

class Fold1764000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createFold(runner)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP FUNCTION gateway.fold')
  }
}

class KeyLife1764000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.known_key
        ADD COLUMN state text NOT NULL DEFAULT 'active',
        ADD COLUMN version integer NOT NULL DEFAULT 1,
        ADD COLUMN policy jsonb NOT NULL DEFAULT '{}';
      UPDATE gateway.known_key SET state = 'revoked', version = 2 WHERE revoked;
      ALTER TABLE gateway.known_key DROP COLUMN revoked, ALTER COLUMN state DROP DEFAULT;`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.known_key ADD COLUMN revoked boolean NOT NULL DEFAULT false;
      UPDATE gateway.known_key SET revoked = true WHERE state IN ('expired', 'cancelled', 'revoked');
      ALTER TABLE gateway.known_key DROP COLUMN state, DROP COLUMN version, DROP COLUMN policy;`)
  }
}

class LeftOut1764000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE INDEX deleted_record_groups ON gateway.deleted_record USING gin (group_ids)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX gateway.deleted_record_groups')
  }
}

class AdminTokens1764000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AdminTokenTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(AdminTokenTables.drop('gateway'))
  }
}

class Unassigned1764000000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.scim_user ALTER COLUMN active DROP NOT NULL;
      UPDATE gateway.scim_user SET active = NULL WHERE NOT document ? 'active'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE gateway.scim_user SET active = true WHERE active IS NULL;
      ALTER TABLE gateway.scim_user ALTER COLUMN active SET NOT NULL`)
  }
}

class DataKeys1764000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.known_data_key (
        tenant text NOT NULL,
        id text NOT NULL,
        version integer NOT NULL,
        kek_id text NOT NULL,
        kek_version text NOT NULL,
        wrapped text NOT NULL,
        PRIMARY KEY (tenant, id)
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.known_data_key')
  }
}

class Guard1764000000016 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.guard (
        connection text PRIMARY KEY,
        state text NOT NULL CHECK (state IN ('counting', 'held', 'allowed', 'denied')),
        version integer NOT NULL,
        began timestamptz(3) NOT NULL,
        count integer NOT NULL,
        held_since timestamptz(3),
        tried integer NOT NULL,
        examples jsonb NOT NULL,
        until timestamptz(3),
        "left" integer
      ) WITH (fillfactor = 50);
      CREATE INDEX guard_noticed ON gateway.guard (connection) WHERE state <> 'counting';`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.guard')
  }
}

/** Answers of the admin API, to be given again. */
class Answered1764000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AnsweredTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(AnsweredTables.drop('gateway'))
  }
}

/** What deleted connections brought is kept for a while. Until now it went with them. */
class DeletedConnections1764000000031 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE gateway.deleted_connection ADD COLUMN purged_at timestamptz;
      UPDATE gateway.deleted_connection SET purged_at = deleted_at;
      CREATE INDEX deleted_connection_unpurged ON gateway.deleted_connection (deleted_at) WHERE purged_at IS NULL`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE gateway.deleted_connection DROP COLUMN purged_at')
  }
}

/** An event is published to a topic of its environment. */
class Topics1764000000034 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.addTopic('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.dropTopic('gateway'))
  }
}

/** When keys may have created what was taken ahead of the clock. */
class SignedAhead1764000000036 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.signed_ahead (
        kid text NOT NULL,
        begins timestamptz(3) NOT NULL,
        ends timestamptz(3) NOT NULL,
        PRIMARY KEY (kid, begins)
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.signed_ahead')
  }
}

/** What the channel said and the event log has not brought yet. */
class DisabledConnections1764000000037 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE gateway.disabled_connection (
        connection text PRIMARY KEY,
        version integer NOT NULL,
        until timestamptz NOT NULL
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE gateway.disabled_connection')
  }
}

/** One row of each transaction that applied something, in place of one row for all, which could not be written within them. */
class TrustChange1764000000038 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE gateway.trust_changes;
      CREATE TABLE gateway.trust_change (
        xid xid8 PRIMARY KEY DEFAULT pg_current_xact_id(),
        gateway uuid NOT NULL,
        added_at timestamptz NOT NULL DEFAULT clock_timestamp()
      )`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE gateway.trust_change;
      CREATE TABLE gateway.trust_changes (one boolean PRIMARY KEY DEFAULT true CHECK (one), changes bigint NOT NULL DEFAULT 0);
      INSERT INTO gateway.trust_changes DEFAULT VALUES`)
  }
}

class Leases1764000000039 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(LeaseTables.create('gateway'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(LeaseTables.drop('gateway'))
  }
}

/** Each gateway knows its own transactions by their ids. */
class TrustChangeOfAnyone1764000000040 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE gateway.trust_change DROP COLUMN gateway')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE gateway.trust_change ADD COLUMN gateway uuid NOT NULL DEFAULT gen_random_uuid()')
  }
}

/** Which keys may be accepted is read whole, among very many that have ended. */
class LiveKeys1764000000041 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX known_key_live ON gateway.known_key (kid) WHERE state IN ('pending', 'active', 'retiring')`,
    )
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX gateway.known_key_live')
  }
}

export const migrations = [
  Gateway1764000000001,
  Outbox1764000000002,
  TrustChanges1764000000003,
  Lanes1764000000004,
  ConnectionSettings1764000000005,
  DeletedRecords1764000000006,
  Listing1764000000007,
  CapturedRequests1764000000008,
  InPlace1764000000010,
  Fold1764000000011,
  KeyLife1764000000012,
  LeftOut1764000000013,
  DataKeys1764000000014,
  Guard1764000000016,
  AdminTokens1764000000020,
  Unassigned1764000000021,
  Answered1764000000030,
  DeletedConnections1764000000031,
  Topics1764000000034,
  SignedAhead1764000000036,
  DisabledConnections1764000000037,
  TrustChange1764000000038,
  Leases1764000000039,
  TrustChangeOfAnyone1764000000040,
  LiveKeys1764000000041,
]
