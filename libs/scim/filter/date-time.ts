const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/i

/** An xsd:dateTime as it must be written (RFC 7643 section 2.3.5); whether there is such a day is for `canonicalDateTime`. */
export function isDateTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.test(text)
}

/**
 * The instant that a date and time means, in UTC with nine digits of fraction, so that texts compare as instants do; undefined
 * when it is none. Taken beyond xsd:dateTime: no offset is UTC, no time is midnight, a leap second is the second after it.
 */
export function canonicalDateTime(text: string): string | undefined {
  const match = pattern.exec(text)
  if (match === null) return undefined
  const [, year = '', month = '', day = '', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    match
  const midnight = new Date(`${year}-${month}-${day}T00:00:00Z`)
  // Date rolls 30 February over into March.
  if (year === '0000' || Number.isNaN(midnight.getTime()) || midnight.getUTCDate() !== Number(day)) return undefined
  const offset = offsetMinutes(zone)
  if (offset === undefined || !isTime(hour, minute, second, fraction)) return undefined
  const minutes = Number(hour) * 60 + Number(minute) - offset
  const utc = new Date(midnight.getTime() + (minutes * 60 + Number(second)) * 1000)
  if (utc.getUTCFullYear() < 1 || utc.getUTCFullYear() > 9999) return undefined
  return `${utc.toISOString().slice(0, 19)}.${fraction.slice(0, 9).padEnd(9, '0')}Z`
}

/** xsd:dateTime has 24:00:00 for the end of a day. */
function isTime(hour: string, minute: string, second: string, fraction: string): boolean {
  if (hour === '24') return /^0*$/.test(minute + second + fraction)
  return hour < '24' && minute < '60' && second <= '60'
}

/** xsd:dateTime knows offsets of up to fourteen hours. */
function offsetMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))]
  if (minutes > 59 || hours * 60 + minutes > 14 * 60) return undefined
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes)
}
