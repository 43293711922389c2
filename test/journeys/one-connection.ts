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

export async function eventsOf(subject: string): Promise<{ name: string; version: number; payload: Told }[]> {
  return (await world.events(connection.id)).filter((event) => event.subject === subject)
}

/** The versions of a subject's events count from 1 to its version. */
export async function expectContiguous(resource: { id: string; meta: { version: string } }): Promise<void> {
  const versions = (await eventsOf(resource.id)).map(({ version }) => version)
  expect(versions).toEqual(Array.from({ length: versionOf(resource) }, (_, index) => index + 1))
}
