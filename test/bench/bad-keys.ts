import { mintKey } from '#libs/credentials/index'
import { withOtherSecret } from '../changed-key.ts'

/** What a bad key is: each kind is refused at another place. */
export const badKeys = ['bad checksum', 'unknown kid', 'wrong secret'] as const
export type BadKey = (typeof badKeys)[number]

/** So many different ones, of a key that is accepted where there is one behind them. */
export function makeBadKeys(kind: BadKey, many: number, accepted: string): string[] {
  return Array.from({ length: many }, () => make[kind](accepted))
}

const make: Readonly<Record<BadKey, (accepted: string) => string>> = {
  'bad checksum': () => damaged(mintKey('live').text),
  'unknown kid': () => mintKey('live').text,
  'wrong secret': (accepted) => withOtherSecret(accepted),
}

function damaged(key: string): string {
  return key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A')
}

/** Addresses that each are a network of their own. */
export function makeAddresses(many: number): string[] {
  return Array.from(
    { length: many },
    (_, number) => `100.${64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
  )
}
