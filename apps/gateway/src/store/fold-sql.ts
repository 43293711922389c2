import { foldedCharacters } from '#libs/scim/index'

/** `gateway.fold(text)`, which gives what `fold` of libs/scim gives, whatever the locale of the database is; it must be in UTF-8. */
export function createFold(): string {
  const folded = [...foldedCharacters()]
  const single = folded.filter(([, to]) => [...to].length === 1)
  const from = single.map(([one]) => one).join('')
  const to = single.map(([, other]) => other).join('')
  const replaced = folded
    .filter(([, several]) => [...several].length > 1)
    .reduce((text, [one, several]) => `replace(${text}, ${quoted(one)}, ${quoted(several)})`, 'given')
  return `
    CREATE FUNCTION gateway.fold(given text) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $fold$
    BEGIN
      IF octet_length(given) = length(given) THEN RETURN lower(given COLLATE "C"); END IF;
      RETURN normalize(translate(${replaced}, ${quoted(from)}, ${quoted(to)}), NFC);
    END $fold$`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
