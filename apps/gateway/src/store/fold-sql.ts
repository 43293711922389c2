import type { QueryRunner } from 'typeorm'
import { z } from 'zod'
import { foldedCharacters } from '#libs/scim/index'

/**
 * Creates `gateway.fold(text)`, which gives what `fold` of libs/scim gives, whatever the locale of the database is; it must be in
 * UTF-8. From Postgres 17 on a collation of its own lowers most letters, at the cost of a microsecond; a table does the rest, and
 * before 17 everything, at that of a hundred.
 */
export async function createFold(runner: QueryRunner): Promise<void> {
  const folded = [...foldedCharacters()]
  const ask = async (statement: string, ...values: unknown[]) => rows.parse(await runner.query(statement, values))
  const own = await ask(`SELECT collname::text AS text FROM pg_collation WHERE collname = 'pg_c_utf8'`)
  const collation = own[0]?.text ?? 'C'
  const lowered = await ask(
    `SELECT lower(given COLLATE "${collation}") AS text FROM unnest($1::text[]) WITH ORDINALITY AS t(given, place) ORDER BY place`,
    folded.map(([one]) => one),
  )
  const rest = folded.filter(([, to], index) => lowered[index]?.text !== to)
  const single = rest.filter(([, to]) => Array.from(to).length === 1)
  const several = rest.filter(([, to]) => Array.from(to).length > 1)
  const [from, to] = [single.map(([one]) => one).join(''), single.map(([, other]) => other).join('')]
  const whole = several.reduce((text, [one, other]) => `replace(${text}, ${quoted(one)}, ${quoted(other)})`, 'given')
  await runner.query(`
    CREATE FUNCTION gateway.fold(given text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $fold$
    BEGIN
      IF octet_length(given) = length(given) THEN RETURN lower(given COLLATE "C"); END IF;
      IF given ~ ${quoted(`[${rest.map(([one]) => one).join('')}]`)} THEN
        given := translate(${whole}, ${quoted(from)}, ${quoted(to)});
      END IF;
      RETURN normalize(lower(given COLLATE "${collation}"), NFC);
    END $fold$`)
}

const rows = z.array(z.object({ text: z.string() }))

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
