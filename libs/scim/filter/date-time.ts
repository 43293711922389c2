const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/**
 * An xsd:dateTime (RFC 7643 section 2.3.5) in UTC with nine digits of fraction, so that texts compare as instants do; undefined
 * when it is none. Without an offset it is read as UTC, without a time as midnight.
 */
export function canonicalDateTime(text: string): string | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    match
  const local = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  // Date rolls 30 February over into March.
  if (Number.isNaN(local.getTime()) || local.getUTCDate() !== Number(day)) return undefined
  const utc = new Date(local.getTime() - offsetMinutes(zone) * 60_000)
  if (utc.getUTCFullYear() < 1 || utc.getUTCFullYear() > 9999) return undefined
  return `${utc.toISOString().slice(0, 19)}.${fraction.slice(0, 9).padEnd(9, '0')}Z`
}

function offsetMinutes(zone: string): number {
  if (zone.toUpperCase() === 'Z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)))
}
