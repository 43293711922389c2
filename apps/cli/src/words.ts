import type { Key } from './answers.ts'

/** Columns as wide as their widest cell, two spaces between them; each row one line. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [headings, ...rows.map((row) => row.map(printable))]
  const widths = headings.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)))
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

/** One line for each name and value. */
export function facts(values: Readonly<Record<string, string>>): string {
  const width = Math.max(...Object.keys(values).map((name) => name.length))
  return Object.entries(values)
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}\n`)
    .join('')
}

/** Whoever saw an exposed key can use it. */
export function stateOf({ state, exposedAt }: Key): string {
  return typeof exposedAt === 'string' ? `${state}, exposed` : state
}

/** "3 min ago from 127.0.0.1, curl/8". */
export function lastUse(lastUsed: Key['lastUsed'], now: Date): string {
  if (lastUsed === null) return 'never'
  const client = lastUsed.userAgent === null ? '' : `, ${clientName(lastUsed.userAgent)}`
  return `${ago(lastUsed.at, now)} from ${lastUsed.address}${client}`
}

export function ago(time: string, now: Date): string {
  const seconds = Math.max(0, (now.getTime() - Date.parse(time)) / 1000)
  if (seconds < 10) return 'just now'
  if (seconds < 60) return `${Math.floor(seconds)} s ago`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`
  const days = Math.floor(seconds / 86_400)
  return days === 1 ? '1 day ago' : `${days} days ago`
}

/** How long it is until then: "in 3 days". */
export function ahead(time: string, now: Date): string {
  const minutes = Math.ceil((Date.parse(time) - now.getTime()) / 60_000)
  if (minutes <= 0) return 'now'
  if (minutes < 120) return `in ${minutes} min`
  if (minutes < 48 * 60) return `in ${Math.round(minutes / 60)} h`
  return `in ${Math.round(minutes / (24 * 60))} days`
}

/** The first product and its main version, or the beginning of whatever stands there. */
function clientName(userAgent: string): string {
  const [, product, version] = /^([^\s/]+)\/(\d+)/.exec(userAgent) ?? []
  if (product !== undefined) return `${product}/${version}`
  return userAgent.length > 40 ? `${userAgent.slice(0, 39)}…` : userAgent
}

/** What others wrote must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?')
}
