const much = 1_000_000

/** For what sends more than anybody is to send. */
export const unlimitedRates = {
  perKey: much,
  perConnection: much,
  unproved: much,
  lookUps: much,
  refusals: much,
} as const

/** The same for programs. */
export const unlimited = {
  LATCHKEY_RATE_PER_KEY: String(unlimitedRates.perKey),
  LATCHKEY_RATE_PER_CONNECTION: String(unlimitedRates.perConnection),
  LATCHKEY_RATE_UNPROVED: String(unlimitedRates.unproved),
  LATCHKEY_RATE_LOOKUPS: String(unlimitedRates.lookUps),
  LATCHKEY_RATE_REFUSALS: String(unlimitedRates.refusals),
}
