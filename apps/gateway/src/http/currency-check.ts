import type { HealthCheck } from '#libs/http/index'
import type { Currency } from '../currency.ts'

/** A gateway that cannot tell which keys are revoked answers 503 to everyone. */
export function currencyCheck(currency: Currency): HealthCheck {
  return {
    name: 'trust',
    async check() {
      if (!currency.ofRevoked) throw new Error('which keys are revoked has not been heard')
    },
  }
}
