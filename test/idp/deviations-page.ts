import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deviations, type Dialect, knownIdentityProviders } from '#libs/scim/index'

/** Where the page lies, seen from the compiled file. */
export const pageFile = join(import.meta.dirname, '../../../docs/deviations.md')

const kinds: Record<string, string> = {
  okta: 'Okta',
  entra: 'Entra ID',
  google: 'Google Workspace',
  onelogin: 'OneLogin',
  jumpcloud: 'JumpCloud',
  pingfederate: 'PingFederate',
  pingone: 'PingOne',
  sailpoint: 'SailPoint',
  rippling: 'Rippling',
}

/** docs/deviations.md: everything that a request's record may tell of it, for whoever must mend it. */
export function deviationsPage(): string {
  return (
    [
      `# Deviations

What identity providers send is not always as RFC 7643 and 7644 have it. What can be understood all the same is accepted, and the record of the
request tells of it: under \`deviations\` in \`GET /audit/v1/records\`, in \`latchkey requests show\` and in \`request.decided\`. Each has a code, the place in
the request (a JSON pointer into the body, or \`?filter\` for the query), the cause and the fix; where they are known, the habit of the identity
provider that it is (\`quirk\`) and where that can be told to do otherwise (\`setting\`). A record keeps 50 at the most, and 10 of one code.

This page is written by \`npm run build && node dist/test/idp/deviations-page.js\` from \`libs/scim/deviation.ts\` and \`libs/scim/quirks\`.

## Codes

${table(['code', 'cause', 'fix'], codes())}

## Identity providers

The record tells under \`dialect\` how a request was read. That follows from the \`identityProvider\` of the connection, and where there are several, from the
request. A connection of the kind \`other\` is read in the dialect of whoever a request calls itself in \`User-Agent\`, or who alone is known to send
its form; a request that gives nobody away is \`standard\` and has no quirk. What is met *for it alone* is refused or ignored from every other caller.
How sure a habit is: *captured* on the wire, *documented* by its vendor, *reported* by others who run a SCIM service, or *inferred* from one of these.
The requests that show it stand with their sources in \`test/idp/requests.json\`.`,
      ...knownIdentityProviders.map(({ kind, dialects }) => section(kind, dialects)),
    ].join('\n\n') + '\n'
  )
}

function codes(): string[][] {
  return Object.values(deviations).map((make) => {
    const { code, cause, fix } = make('', '...', '...')
    return [`\`${code}\``, shown(cause), shown(fix)]
  })
}

/** What stands in place of a name. */
function shown(text: string): string {
  return text.replaceAll('a name that no attribute can have', '"..."')
}

function section(kind: string, dialects: readonly Dialect[]): string {
  const quirks = new Map(dialects.flatMap((dialect) => dialect.quirks.map((quirk) => [quirk.code, quirk])))
  const several = dialects.length > 1
  const lines = [...quirks.values()].map((quirk) => {
    const spoken = dialects.filter((dialect) => dialect.quirks.includes(quirk)).map(({ name }) => `\`${name}\``)
    const [evidence] = quirk.evidence
    return [
      `\`${quirk.code}\`${several && spoken.length < dialects.length ? ` (${spoken.join(', ')})` : ''}`,
      quirk.habit,
      quirk.shows === undefined ? '' : `\`${quirk.shows}\``,
      quirk.tolerates === undefined ? 'for everyone' : 'for it alone',
      quirk.setting ?? '',
      `${evidence.grade}: ${evidence.row}`,
    ]
  })
  const names = dialects.map(({ name }) => `\`${name}\``).join(', ')
  return `### ${kinds[kind] ?? kind}

Dialect${several ? 's' : ''}: ${names}.

${table(['quirk', 'habit', 'deviation', 'met', 'setting', 'evidence'], lines)}`
}

function table(heads: readonly string[], lines: readonly (readonly string[])[]): string {
  const row = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [row(heads), row(heads.map(() => '---')), ...lines.map(row)].join('\n')
}

if (import.meta.main) await writeFile(pageFile, deviationsPage())
