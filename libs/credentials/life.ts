/** The life of a key. Whoever keeps keys, and whoever accepts them, goes by this one table. */
export const keyStates = ['pending', 'active', 'retiring', 'expired', 'revoked', 'cancelled'] as const
export type KeyState = (typeof keyStates)[number]

/** What can be done to a key after it was minted. */
export const keyActs = ['activate', 'retire', 'expire', 'cancel', 'revoke'] as const
export type KeyAct = (typeof keyActs)[number]

/** `pending -> active -> retiring -> expired`, at its own expiry from any of these; `pending -> cancelled`; any `-> revoked`. */
const law: Readonly<Record<KeyAct, Readonly<Partial<Record<KeyState, KeyState>>>>> = {
  activate: { pending: 'active' },
  retire: { active: 'retiring' },
  expire: { pending: 'expired', active: 'expired', retiring: 'expired' },
  cancel: { pending: 'cancelled' },
  revoke: { pending: 'revoked', active: 'revoked', retiring: 'revoked', expired: 'revoked', cancelled: 'revoked' },
}

/** The state that the act leads to, or undefined where the law does not allow it. */
export function next(state: KeyState, act: KeyAct): KeyState | undefined {
  return law[act][state]
}

export type AcceptedState = 'pending' | 'active' | 'retiring'

/** Whether requests with such a key are accepted. A pending one is: its first use is what activates it. */
export function isAccepted(state: KeyState): state is AcceptedState {
  return state === 'pending' || state === 'active' || state === 'retiring'
}
