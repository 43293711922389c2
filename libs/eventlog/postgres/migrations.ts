import type { MigrationInterface, QueryRunner } from 'typeorm'

class EventLog1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE event_log.event (
        position bigint GENERATED ALWAYS AS IDENTITY,
        xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
        appended_at timestamptz NOT NULL DEFAULT now(),
        id uuid NOT NULL,
        name text NOT NULL,
        source text NOT NULL,
        subject text NOT NULL,
        key text NOT NULL,
        version integer NOT NULL,
        time timestamptz NOT NULL,
        traceparent text,
        payload text NOT NULL
      ) PARTITION BY RANGE (appended_at)`)
    await runner.query('CREATE INDEX event_position ON event_log.event (position)')
    await runner.query('CREATE INDEX event_xid ON event_log.event (xid)')
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE event_log.event')
  }
}

export const migrations = [EventLog1764000000001]
