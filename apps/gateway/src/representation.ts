import {
  type JsonObject,
  project,
  type Projection,
  renderVersion,
  type Resource,
  type ResourceType,
  storedResource,
} from '#libs/scim/index'
import type { GroupOfUser, MemberText } from './record-store.ts'

/** What is known of a record besides its document. */
export interface Standing {
  readonly id: string
  readonly version: number
  readonly created: Date
  readonly lastModified: Date
  readonly groups?: readonly GroupOfUser[]
  readonly members?: readonly MemberText[]
}

export function locationOf(baseUrl: string, type: ResourceType, id: string): string {
  return `${baseUrl}${type.endpoint}/${id}`
}

/** A resource as JSON text. A stored document that is shown whole is passed through as the text that it is. */
export function represent(
  type: ResourceType,
  baseUrl: string,
  standing: Standing,
  document: string | Resource,
  projection: Projection,
): string {
  const computed = computedAttributes(type, baseUrl, standing, projection)
  if (projection.kind === 'default') {
    const text = typeof document === 'string' ? document : JSON.stringify(document)
    return `${JSON.stringify(computed).slice(0, -1)},${text.trimStart().slice(1)}`
  }
  const resource = typeof document === 'string' ? storedResource(document) : document
  return JSON.stringify(project(type, { ...resource, ...computed }, projection))
}

/** The same of a group, with members that come by and by. */
export async function* representInPieces(
  type: ResourceType,
  baseUrl: string,
  standing: Omit<Standing, 'members'>,
  document: string | Resource,
  projection: Projection,
  members: AsyncIterable<readonly MemberText[]>,
): AsyncGenerator<string> {
  const others = represent(type, baseUrl, standing, document, projection)
  let before = `${others.slice(0, -1)},"members":[`
  for await (const some of members) {
    const { members: shown = [] } = project(type, { members: memberElements(baseUrl, some, projection) }, projection)
    if (!Array.isArray(shown) || shown.length === 0) continue
    yield before + JSON.stringify(shown).slice(1, -1)
    before = ','
  }
  yield before === ',' ? ']}' : others
}

function computedAttributes(
  type: ResourceType,
  baseUrl: string,
  standing: Standing,
  projection: Projection,
): JsonObject {
  const { id, version, created, lastModified, groups = [], members = [] } = standing
  const computed: JsonObject = {
    id,
    meta: {
      resourceType: type.name,
      created: created.toISOString(),
      lastModified: lastModified.toISOString(),
      location: locationOf(baseUrl, type, id),
      version: renderVersion(version),
    },
  }
  if (groups.length > 0) {
    computed['groups'] = groups.map(({ id: value, display, direct }) => ({
      value,
      $ref: `${baseUrl}/Groups/${value}`,
      display,
      type: direct ? 'direct' : 'indirect',
    }))
  }
  if (members.length > 0) computed['members'] = memberElements(baseUrl, members, projection)
  return computed
}

/** Their names are for whoever asks for them, which takes a projection that names attributes. */
function memberElements(baseUrl: string, members: readonly MemberText[], projection: Projection): JsonObject[] {
  const isNamed = projection.kind === 'include'
  return members.map(({ value, kind, display }) => ({
    value,
    ...(kind === null ? {} : { $ref: `${baseUrl}/${kind}s/${value}`, type: kind }),
    ...(display === null || !isNamed ? {} : { display }),
  }))
}
