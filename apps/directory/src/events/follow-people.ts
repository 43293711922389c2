import type { EventBatch } from '#libs/eventlog/index'
import { EventPattern, Follows, type Heard } from '#libs/eventlog/nest/index'
import { DIRECTORY } from '../names.ts'
import { newestStates } from '../person-states.ts'
import { removeConnections, storeConnections } from '../store/connections.ts'
import { storeGroupEvents } from '../store/groups.ts'
import { storePeople } from '../store/people.ts'

/** Keeps the directory: who is known on each connection, in which groups. */
@Follows()
export class FollowPeople {
  @EventPattern('connection.*', DIRECTORY)
  async connections(events: readonly Heard<'connection.*'>[], { transaction }: EventBatch): Promise<void> {
    const standing = events.filter((event) => event.name !== 'connection.deleted')
    if (standing.length > 0)
      await storeConnections(
        transaction,
        standing.map((event) => event.payload),
      )
    const deleted = events.filter((event) => event.name === 'connection.deleted')
    if (deleted.length > 0)
      removeConnections(
        transaction,
        deleted.map((event) => event.payload.connection),
      )
  }

  @EventPattern('user.*', DIRECTORY)
  async people(events: readonly Heard<'user.*'>[], { transaction }: EventBatch): Promise<void> {
    storePeople(transaction, newestStates(events))
  }

  @EventPattern('group.*', DIRECTORY)
  async groups(events: readonly Heard<'group.*'>[], { transaction }: EventBatch): Promise<void> {
    await storeGroupEvents(transaction, events)
  }
}
