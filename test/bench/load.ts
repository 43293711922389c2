import { FollowPeople } from '#apps/directory/src/index'
import { KnownTrust, noEdit, replacement, type WriteRequest, Writer } from '#apps/gateway/src/index'
import { type AnyEvent, newId } from '#libs/events/index'
import type { Heard } from '#libs/eventlog/nest/index'
import { Database } from '#libs/postgres/index'
import { type ResourceType, readResource, resourceTypes } from '#libs/scim/index'
import { group, user } from './requests.ts'

/** Users that are being written at one time: the gateway's writer makes batches of them. */
const atOnce = 1_024
/** Events that the directory is handed in one transaction. */
const toldAtOnce = 2_000

/**
 * Fills the tables of a program that has just been started by the gateway's own writer and the directory's own follower: the
 * very rows that requests would have left there. Skipped are HTTP and the way in; the event log, to which nothing is appended,
 * so that no other follower hears of it and the audit trail stays empty; and waiting for the disk at each commit.
 */
export class Loader {
  readonly #database: Database
  readonly #principal: WriteRequest['principal']
  readonly #writer: Writer
  readonly #directory = new FollowPeople()
  #told: AnyEvent[] = []
  #telling: Promise<void> = Promise.resolve()

  private constructor(database: Database, principal: WriteRequest['principal']) {
    this.#database = database
    this.#principal = principal
    const failed = (error: unknown): never => {
      throw error
    }
    this.#writer = new Writer({ database, log: { append: () => undefined, follow: failed }, onFailure: failed })
  }

  /** Everything goes into this connection, which the program must know. */
  static async open(databaseUrl: string, connection: string): Promise<Loader> {
    const settings = { synchronous_commit: 'off' }
    const database = new Database({ url: databaseUrl, applicationName: 'bench', connections: 5, settings })
    const principal = await new KnownTrust(database, () => undefined).connection(connection)
    if (principal === undefined) throw new Error('the program does not know the connection that is to be filled')
    return new Loader(database, principal)
  }

  /** Users by the names that `nameOf` gives to the numbers below `many`; their ids, in that order. */
  async users(many: number, nameOf: (number: number) => string): Promise<string[]> {
    const ids: string[] = []
    const next = async (): Promise<void> => {
      while (ids.length < many) {
        const number = ids.push(newId()) - 1
        await this.#create(resourceTypes.User, ids[number] ?? '', user(nameOf(number)))
      }
    }
    await Promise.all(Array.from({ length: atOnce }, next))
    await this.#tell()
    return ids
  }

  /** The id of a new group that has these members. */
  async group(displayName: string, members: readonly string[]): Promise<string> {
    const id = newId()
    await this.#create(resourceTypes.Group, id, group(displayName, members))
    await this.#tell()
    return id
  }

  /** What autovacuum would come to in its time, so that it does not come while something is measured. */
  async close(): Promise<void> {
    await this.#database.session(async (session) => {
      await session.query('VACUUM (ANALYZE)')
      await session.query('CHECKPOINT')
    })
    await this.#database.close()
  }

  async #create(type: ResourceType, id: string, body: unknown): Promise<void> {
    const { resource, members } = readResource(type, body)
    const { events } = await this.#writer.write({
      type,
      command: {
        kind: 'create',
        id,
        document: resource,
        members: members === undefined ? noEdit : replacement(members),
      },
      principal: this.#principal,
      occasion: { time: new Date(), traceparent: undefined },
      // The log keeps nothing: it does not matter which event stands here for the request's decision.
      decided({ events: [first] }) {
        if (first === undefined) throw new Error('what is created tells of itself')
        return first
      },
      inDoubt: () => undefined,
    })
    this.#told.push(...events)
    if (this.#told.length >= toldAtOnce) void this.#tell()
  }

  /** Hands the directory what it has not heard yet; resolves when it has stored that, and all before. */
  #tell(): Promise<void> {
    const events = this.#told
    const before = this.#telling
    this.#told = []
    this.#telling = this.#database.transaction(async (transaction) => {
      await before
      await this.#directory.people(events.filter(isOfUser), { transaction })
      await this.#directory.groups(events.filter(isOfGroup), { transaction })
    })
    return this.#telling
  }
}

function isOfUser(event: AnyEvent): event is Heard<'user.*'> {
  return event.name.startsWith('user.')
}

function isOfGroup(event: AnyEvent): event is Heard<'group.*'> {
  return event.name.startsWith('group.')
}
