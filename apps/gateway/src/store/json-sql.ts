/** SQL that reads jsonb. Keys come from schemas, and an operator's schema may name an attribute as it likes: all are quoted. */

export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

export function jsonAt(base: string, path: readonly string[]): string {
  return path.reduce((json, key) => `${json} -> ${quoted(key)}`, base)
}

export function textOf(json: string): string {
  return `(${json} #>> '{}')`
}

/** Every value at a path, arrays on the way and at its end entered: rows of one jsonb. */
export function valuesAt(base: string, path: readonly string[]): string {
  return `jsonb_path_query(${base}, ${quoted(`$${path.map((key) => `.${JSON.stringify(key)}[*]`).join('')}`)})`
}

/** RFC 7644 section 3.4.2.2, `pr`: a non-empty value, or a complex one that holds one somewhere. */
export function hasValue(base: string, path: readonly string[]): string {
  const values = `$${path.map((key) => `.${JSON.stringify(key)}`).join('')}.**`
  const filled = '@.type() == "boolean" || @.type() == "number" || @.type() == "string" && @ != ""'
  return `coalesce(jsonb_path_exists(${base}, ${quoted(`${values} ? (${filled})`)}), false)`
}

/** Of an array the element that is primary, or else the first; anything else as it is. */
export function chosenOf(json: string): string {
  return `CASE jsonb_typeof(${json}) WHEN 'array' THEN coalesce(jsonb_path_query_first(${json}, '$[*] ? (@.primary == true)'), ${json} -> 0) ELSE ${json} END`
}
