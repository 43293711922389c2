/** For programs whose test or bench sends more than anybody is to send. */
export const unlimited = {
  LATCHKEY_RATE_PER_KEY: '1000000',
  LATCHKEY_RATE_PER_CONNECTION: '1000000',
  LATCHKEY_RATE_UNPROVED: '1000000',
  LATCHKEY_RATE_LOOKUPS: '1000000',
}
