/**
 * IP addresses and ranges of them, as text brings them. An IPv4 address in the form of an IPv6 one (`::ffff:10.0.0.1`) is the IPv4 address
 * that it is. No dependency; knows nothing of HTTP.
 */
export { type Address, networkIn, networkOf, readAddress, siteOf } from './address.ts'
export { isLoopback, loopback } from './loopback.ts'
export { AddressRanges, isWithin, readRange, type Range } from './ranges.ts'
