import { differences, errors, type JsonValue, type Resource, ScimError } from '#libs/scim/index'
import type { Answer } from './answer.ts'
import type { Principal } from './principal.ts'
import type { RecordWrites, Writes, Written } from './record-store.ts'
import type { ResourceParts } from './resources.ts'
import type { Admitted, Arrival } from './way-in.ts'

const dryRunHeader = 'Latchkey-Dry-Run'
/** On every answer to a request that was only rehearsed. */
export const dryRunMark = { [dryRunHeader]: 'true' }

const dryRunSchema = 'urn:latchkey:params:scim:api:messages:2.0:DryRun'

/** Whether the request itself asks for a dry run. Throws `invalidValue` for any word but true and false: who misspells it must not write. */
export function asksForDryRun({ headers }: Arrival): boolean {
  const word = headers[dryRunHeader.toLowerCase()]?.trim().toLowerCase()
  if (word !== undefined && word !== 'true' && word !== 'false') {
    throw errors.invalidValue(`The header ${dryRunHeader} is neither "true" nor "false". Send "true", or leave it out.`)
  }
  return word === 'true'
}

/**
 * The answer that the request would get, with nothing stored. Throws what `RecordWrites.rehearse` rejects with. Under `dryRunSchema` its body tells which attributes would change,
 * from what to what, and which events would be published. Where the answer has no body, a request that asked for the dry run itself
 * gets one; an identity provider whose connection only rehearses is answered as ever, and the names are in the request's record.
 */
export async function rehearse(
  request: Admitted,
  parts: ResourceParts & { readonly writer: RecordWrites },
  perform: (parts: ResourceParts) => Promise<Answer>,
): Promise<Answer> {
  const { answer, all } = await parts.writer.rehearse(async ({ records, writer }) => {
    const all: Written[] = []
    const told: Writes = {
      async write(wanted) {
        const written = await writer.write(wanted)
        all.push(written)
        return written
      },
      async writeTogether(wanted) {
        const outcomes = await writer.writeTogether(wanted)
        for (const outcome of outcomes) if (!(outcome instanceof ScimError)) all.push(outcome)
        return outcomes
      },
    }
    return { answer: await perform({ ...parts, records, writer: told }), all }
  })
  request.recorded = false
  const told = {
    changes: all.flatMap((written) => changesOf(written, secretsOf(request.principal))),
    events: all.flatMap(({ events }) => events.map(({ name, subject, payload }) => ({ name, subject, payload }))),
  }
  const rehearsed = {
    ...answer,
    headers: { ...answer.headers, ...dryRunMark },
    outcome: { ...answer.outcome, events: [], rehearsed: namesOf(told) },
  }
  if (typeof answer.body === 'string') return { ...rehearsed, body: withMember(answer.body, dryRunSchema, told) }
  if (!asksForDryRun(request.arrival)) return rehearsed
  const body = JSON.stringify({ schemas: [dryRunSchema], status: String(answer.status), [dryRunSchema]: told })
  return { ...rehearsed, status: 200, body }
}

function namesOf(told: { changes: readonly Change[]; events: readonly { readonly name: string }[] }) {
  return {
    changed: [...new Set(told.changes.map(({ attribute }) => attribute))],
    events: told.events.map(({ name }) => name),
  }
}

interface Change {
  readonly id: string
  readonly attribute: string
  readonly before?: JsonValue
  readonly after?: JsonValue
  readonly added?: readonly string[]
  readonly removed?: readonly string[]
}

function secretsOf({ types }: Principal): ReadonlySet<string> {
  return new Set([...types.User.secrets, ...types.Group.secrets])
}

/** Of a secret only that it would change. */
function changesOf({ id, write, before, document, events }: Written, secrets: ReadonlySet<string>): Change[] {
  const after = write === 'delete' ? nothing : document
  const attributes = differences(before ?? nothing, after).map((each) => ({
    id,
    attribute: each.attribute,
    ...(secrets.has(each.attribute) ? {} : { before: each.before ?? null, after: each.after ?? null }),
  }))
  const members = events.flatMap((event) =>
    event.name === 'group.members-changed'
      ? [
          {
            id: event.subject,
            attribute: 'members',
            added: event.payload.added.map((member) => member.id),
            removed: event.payload.removed,
          },
        ]
      : [],
  )
  return [...attributes, ...members]
}

const nothing: Resource = { schemas: [] }

/** JSON text of an object with one member more. */
function withMember(text: string, name: string, value: unknown): string {
  return `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`
}
