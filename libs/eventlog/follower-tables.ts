/**
 * Tables that each follower's schema needs; for use in its migrations. A dead letter holds its event as JSON text, since
 * jsonb refuses some of what made events unreadable; `number` keeps the order in which they were buried.
 */
export const FollowerTables = {
  create: (schema: string): string => `
    CREATE TABLE ${schema}.followed (
      follower text PRIMARY KEY,
      place jsonb NOT NULL,
      up_to timestamptz NOT NULL
    );
    CREATE TABLE ${schema}.dead_letter (
      follower text NOT NULL,
      number bigint GENERATED ALWAYS AS IDENTITY,
      id uuid NOT NULL,
      name text NOT NULL,
      key text NOT NULL,
      event text NOT NULL,
      reason text NOT NULL,
      buried_at timestamptz NOT NULL DEFAULT now(),
      PRIMARY KEY (follower, id)
    );`,
  drop: (schema: string): string => `DROP TABLE ${schema}.dead_letter; DROP TABLE ${schema}.followed;`,
}
