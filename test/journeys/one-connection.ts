import { type Connection, enterWorld, type Scim, type Told, versionOf, type World } from '../world.ts'

/** What the tests of a file share: one connection. */
export let world: World
export let connection: Connection
export let scim: Scim

/** For the top of a file: makes it before the first of its tests. */
export function shareOneConnection(settings: object = {}): void {
  beforeAll(async () => {
    world = await enterWorld()
    connection = await world.connection('other', { settings })
    scim = world.scim(connection)
  })
  afterAll(() => world.stop())
}

export async function create(path: '/Users' | '/Groups', body: object): Promise<Told> {
  const answer = await scim('POST', path, body)
  expect(answer).toMatchObject({ status: 201 })
  return answer.body
}

/** What is there, as its own address answers it. */
export async function read({ id }: { id: string }, type = 'Users'): Promise<Told> {
  return (await scim('GET', `/${type}/${id}`)).body
}

/** A refusal in the form of RFC 7644 section 3.12, to be matched. */
export function refused(status: number, scimType?: string): object {
  return {
    status,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(status),
      detail: expect.stringMatching(/\S/),
      ...(scimType === undefined ? {} : { scimType }),
    },
  }
}

export async function eventsOf(subject: string): Promise<{ name: string; version: number; payload: Told }[]> {
  return (await world.events(connection.id)).filter((event) => event.subject === subject)
}

/** The versions of a subject's events count from 1 to its version. */
export async function expectContiguous(resource: { id: string; meta: { version: string } }): Promise<void> {
  const versions = (await eventsOf(resource.id)).map(({ version }) => version)
  expect(versions).toEqual(Array.from({ length: versionOf(resource) }, (_, index) => index + 1))
}
