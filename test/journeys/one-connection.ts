import { type Connection, type Scim, startWorld, type Told, versionOf, type World } from '../world.ts'

/** What the tests of a file share: a program of their own with one connection. */
export let world: World
export let connection: Connection
export let scim: Scim

/** For the top of a file: starts it before the first of its tests, and ends it after the last. */
export function shareOneConnection(): void {
  beforeAll(async () => {
    world = await startWorld()
    connection = await world.connection('other')
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
