import type { MigrationInterface, QueryRunner } from 'typeorm'
import { AdminTokenTables, AnsweredTables } from '#libs/admin/index'
import { FollowerTables, OutboxTables } from '#libs/eventlog/index'

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

/** Where events of this service wait to be published. */
class Outbox1764000000203 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.create('audit'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.drop('audit'))
  }
}

class Detections1764000000204 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- What is remembered of each key, connection and address, as JSON. Rows are rewritten all the time, in place: no index holds what changes.
      CREATE TABLE audit.watched (
        id text NOT NULL,
        kind text NOT NULL,
        tenant text,
        state text NOT NULL,
        silent_from timestamptz,
        touched_at timestamptz NOT NULL,
        PRIMARY KEY (id, kind)
      ) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000);
      -- tenant is '' where none is known.
      CREATE TABLE audit.detection (
        tenant text NOT NULL,
        rule text NOT NULL,
        subject_kind text NOT NULL,
        subject_id text NOT NULL,
        id uuid NOT NULL,
        connection text,
        state text NOT NULL,
        muted_until timestamptz,
        acknowledged_at timestamptz,
        first_seen timestamptz NOT NULL,
        last_seen timestamptz NOT NULL,
        count bigint NOT NULL,
        requests text[] NOT NULL,
        raised_at timestamptz NOT NULL,
        raised integer NOT NULL,
        PRIMARY KEY (tenant, rule, subject_kind, subject_id)
      );
      CREATE UNIQUE INDEX detection_id ON audit.detection (id);
      CREATE INDEX detection_tenant ON audit.detection (tenant, raised_at, id);
      CREATE INDEX detection_time ON audit.detection (raised_at, id);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit.detection; DROP TABLE audit.watched')
  }
}

class AdminTokens1764000000205 implements MigrationInterface {
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

/** Answers of the admin API, to be given again. */
class Answered1764000000230 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AnsweredTables.create('audit'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(AnsweredTables.drop('audit'))
  }
}

/** What people decide about detections is told, too. */
class DetectionVersions1764000000231 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit.detection ADD COLUMN version integer;
      UPDATE audit.detection SET version = raised;
      ALTER TABLE audit.detection ALTER COLUMN version SET NOT NULL`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit.detection DROP COLUMN version')
  }
}

/** An event is published to a topic of its environment. */
class Topics1764000000234 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.addTopic('audit'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.dropTopic('audit'))
  }
}

class Environments1764000000235 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit.record ADD COLUMN environment text;
      ALTER TABLE audit.detection ADD COLUMN environment text`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit.detection DROP COLUMN environment')
    await runner.query('ALTER TABLE audit.record DROP COLUMN environment')
  }
}

/** Old records tell in their payload of which they are, old detections by their connection. Apart, for no record to wait for it to be stored. */
class OldEnvironments1764000000236 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      UPDATE audit.record SET environment = substring(payload FROM '"environment":"(live|sandbox)"') WHERE environment IS NULL;
      UPDATE audit.detection SET environment = substring(watched.state FROM '"environment":"(live|sandbox)"')
      FROM audit.watched WHERE watched.kind = 'connection' AND watched.id = detection.connection;
      -- Of sandboxes there are few, so that looking for theirs would read past all others; live ones are met in the order of the trail.
      CREATE INDEX record_sandbox ON audit.record (received_at, id) WHERE environment = 'sandbox'`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX audit.record_sandbox')
  }
}

/** The connection that a request named with a key of another one. */
class Addressed1764000000237 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE audit.record ADD COLUMN addressed text;
      CREATE INDEX record_addressed ON audit.record (addressed, received_at, id) WHERE addressed IS NOT NULL`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE audit.record DROP COLUMN addressed')
  }
}

export const migrations = [
  Audit1764000000201,
  Within1764000000202,
  Outbox1764000000203,
  Detections1764000000204,
  AdminTokens1764000000205,
  Answered1764000000230,
  DetectionVersions1764000000231,
  Topics1764000000234,
  Environments1764000000235,
  OldEnvironments1764000000236,
  Addressed1764000000237,
]
