import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { standard } from '../quirks/dialect.ts'
import type { Resource } from '../resource.ts'
import { resourceTypes } from '../schema/resource-types.ts'
import { applyPatch } from '../patch/apply.ts'
import { parsePatch, patchSchema } from '../patch/operation.ts'

export const { User } = resourceTypes
export const core = User.schema.id
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const work = { type: 'work', value: 'ada@work.example', primary: true }
export const home = { type: 'home', value: 'ada@home.example' }
export const ada: Resource = {
  schemas: [core],
  userName: 'ada',
  active: true,
  title: 'Countess',
  name: { givenName: 'Ada', familyName: 'L' },
  emails: [work, home],
}

export const message = (operations: readonly unknown[]) => ({ schemas: [patchSchema], Operations: operations })

export function patch(operations: readonly object[], dialect = standard, resource = ada) {
  const found = new Diagnosis(dialect)
  const patched = applyPatch(User, resource, parsePatch(message(operations), found), found)
  const changed = patched.changes.map(({ attribute: name }) => name)
  return { resource: patched.resource, changed, deviations: found.deviations }
}

export function refusal(operations: readonly object[], dialect = standard, resource = ada): ScimError {
  try {
    patch(operations, dialect, resource)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}

export const refused = (...operations: object[]) => refusal(operations).scimType
export const patched = (...operations: object[]) => patch(operations).resource
export const codes = (...operations: object[]) => patch(operations).deviations.map(({ code }) => code)
