import type { AnyEvent, Environment, Person } from '#libs/events/index'

/** What one event says a person is from its version on; `person` is null once deprovisioned. */
export interface PersonState {
  readonly connection: string
  readonly tenant: string
  readonly environment: Environment
  readonly id: string
  readonly version: number
  readonly person: Person | null
}

export type UserEvent = Extract<AnyEvent, { name: `user.${string}` }>

/** The newest state of each person that the events tell of: user events carry whole states, so the last one is enough. */
export function newestStates(events: readonly UserEvent[]): PersonState[] {
  const states = new Map<string, PersonState>()
  for (const event of events) {
    const state = stateOf(event)
    const key = `${state.connection}/${state.id}`
    if ((states.get(key)?.version ?? 0) < state.version) states.set(key, state)
  }
  return [...states.values()]
}

function stateOf(event: UserEvent): PersonState {
  const { connection, tenant, environment } = event.payload
  const scope = { connection, tenant, environment, version: event.version }
  return event.name === 'user.deprovisioned'
    ? { ...scope, id: event.payload.personId, person: null }
    : { ...scope, id: event.payload.person.id, person: event.payload.person }
}
