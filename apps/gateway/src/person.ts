import type { GroupFacts, Person } from '#libs/events/index'
import { isObject, type Resource } from '#libs/scim/index'
import { elements, text } from './record.ts'

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

/** A SCIM user in the words of our events. */
export function personOf(id: string, document: Resource): Person {
  const name = object(document['name'])
  const work = object(document[enterprise])
  return withoutAbsent({
    id,
    externalId: text(document['externalId']),
    userName: text(document['userName']) ?? '',
    displayName: text(document['displayName']),
    givenName: text(name['givenName']),
    familyName: text(name['familyName']),
    formattedName: text(name['formatted']),
    title: text(document['title']),
    userType: text(document['userType']),
    preferredLanguage: text(document['preferredLanguage']),
    locale: text(document['locale']),
    timezone: text(document['timezone']),
    active: document['active'] !== false,
    emails: labelled(document['emails']),
    phoneNumbers: labelled(document['phoneNumbers']),
    roles: labelled(document['roles']),
    employeeNumber: text(work['employeeNumber']),
    costCenter: text(work['costCenter']),
    organization: text(work['organization']),
    division: text(work['division']),
    department: text(work['department']),
    managerId: text(object(work['manager'])['value']),
  })
}

export function groupFacts(id: string, document: Resource): GroupFacts {
  return withoutAbsent({
    id,
    externalId: text(document['externalId']),
    displayName: text(document['displayName']) ?? '',
  })
}

function labelled(value: unknown): Person['emails'] {
  return elements(value).flatMap((element) => {
    const content = text(element['value'])
    if (content === undefined) return []
    const primary = element['primary']
    return [
      withoutAbsent({
        value: content,
        type: text(element['type']),
        primary: typeof primary === 'boolean' ? primary : undefined,
      }),
    ]
  })
}

function object(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {}
}

/** Absent attributes stay out of the JSON and of comparisons. */
function withoutAbsent<T extends object>(value: T): T {
  for (const key of Object.keys(value) as (keyof T)[]) if (value[key] === undefined) delete value[key]
  return value
}
