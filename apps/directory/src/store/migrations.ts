import type { MigrationInterface, QueryRunner } from 'typeorm'
import { AdminTokenTables, AnsweredTables } from '#libs/admin/index'
import { FollowerTables, OutboxTables } from '#libs/eventlog/index'

class Directory1764000000101 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(FollowerTables.create('directory'))
    await runner.query(`
      -- facts is null once the person is deprovisioned: only id and version stay, so that an old event cannot bring them back.
      CREATE TABLE directory.person (
        connection text NOT NULL,
        id text NOT NULL,
        version integer NOT NULL,
        tenant text NOT NULL,
        environment text NOT NULL,
        user_name text,
        facts jsonb,
        PRIMARY KEY (connection, id)
      );
      CREATE INDEX person_user_name ON directory.person (connection, lower(user_name), id) WHERE facts IS NOT NULL;

      CREATE TABLE directory.user_group (
        connection text NOT NULL,
        id text NOT NULL,
        version integer NOT NULL,
        tenant text NOT NULL,
        environment text NOT NULL,
        display_name text,
        facts jsonb,
        PRIMARY KEY (connection, id)
      );

      CREATE TABLE directory.membership (
        connection text NOT NULL,
        group_id text NOT NULL,
        member_id text NOT NULL,
        kind text,
        PRIMARY KEY (connection, group_id, member_id)
      );
      CREATE INDEX membership_member ON directory.membership (connection, member_id, group_id);

      -- Ids are never used twice: what still arrives for a deleted connection is passed over.
      CREATE TABLE directory.deleted_connection (
        connection text PRIMARY KEY
      );`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE directory.deleted_connection;
      DROP TABLE directory.membership;
      DROP TABLE directory.user_group;
      DROP TABLE directory.person;
      ${FollowerTables.drop('directory')}`)
  }
}

/** As in the gateway: what a change changes is held by no index, so that the row is rewritten within its page. */
class InPlace1764000000102 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX directory.person_user_name;
      CREATE INDEX person_user_name ON directory.person (connection, lower(user_name), id) WHERE user_name IS NOT NULL;
      ALTER TABLE directory.person SET (fillfactor = 90);
      ALTER TABLE directory.user_group SET (fillfactor = 70);`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE directory.person RESET (fillfactor);
      ALTER TABLE directory.user_group RESET (fillfactor);
      DROP INDEX directory.person_user_name;
      CREATE INDEX person_user_name ON directory.person (connection, lower(user_name), id) WHERE facts IS NOT NULL;`)
  }
}

/** Whose each connection is, of those heard of before by who is in them. */
class AdminTokens1764000000103 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(AdminTokenTables.create('directory'))
    await runner.query(`
      CREATE TABLE directory.known_connection (connection text PRIMARY KEY, tenant text NOT NULL);
      INSERT INTO directory.known_connection (connection, tenant)
        SELECT connection, tenant FROM directory.person UNION SELECT connection, tenant FROM directory.user_group
        ON CONFLICT DO NOTHING;`)
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE directory.known_connection')
    await runner.query(AdminTokenTables.drop('directory'))
  }
}

/** Where records of the API's calls wait to be published, and answers to be given again. */
class Calls1764000000130 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(OutboxTables.create('directory'))
    await runner.query(OutboxTables.addTopic('directory'))
    await runner.query(AnsweredTables.create('directory'))
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(AnsweredTables.drop('directory'))
    await runner.query(OutboxTables.drop('directory'))
  }
}

export const migrations = [Directory1764000000101, InPlace1764000000102, AdminTokens1764000000103, Calls1764000000130]
