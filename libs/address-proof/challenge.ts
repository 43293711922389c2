import { timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { digestOf, nonceForm, random } from './prove.ts'

export interface Challenge {
  /** Where the answer is to be asked for, with GET. */
  readonly path: string
  isMetBy(answer: unknown): boolean
}

const answered = z.object({ salt: z.string().regex(nonceForm), proof: z.string().regex(nonceForm) })

/** A question that only a server can answer that has the key of the data folder and is at the address, a URL. */
export function challengeOf(key: string, address: string): Challenge {
  const nonce = random()
  return {
    path: `/health/address/${nonce}`,
    isMetBy(answer) {
      const { data } = answered.safeParse(answer)
      if (data === undefined) return false
      return timingSafeEqual(Buffer.from(data.proof, 'base64url'), digestOf(key, address, nonce, data.salt))
    },
  }
}
