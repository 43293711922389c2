import { Diagnosis } from '../diagnosis.ts'
import { ScimError } from '../error.ts'
import { standard } from '../quirks/dialect.ts'
import { entra } from '../quirks/entra.ts'
import { onelogin } from '../quirks/onelogin.ts'
import { readResource } from '../resource.ts'
import { resourceTypes } from '../schema/resource-types.ts'

export const { User, Group } = resourceTypes
export const core = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'

export const [entraWithoutFlag] = entra.dialects
export const [oneLogin] = onelogin.dialects

export const read = (attributes: object, dialect = standard) => {
  const found = new Diagnosis(dialect)
  const body = { schemas: [core], userName: 'ada', ...attributes }
  return { ...readResource(User, body, found), deviations: found.deviations }
}
export const stored = (attributes: object, dialect = standard) => {
  const { schemas: _schemas, userName: _userName, ...rest } = read(attributes, dialect).resource
  return rest
}
export const codes = (attributes: object, dialect = standard) =>
  read(attributes, dialect).deviations.map(({ code, pointer }) => `${code} ${pointer}`)
export const refusal = (attributes: object, dialect = standard) => {
  try {
    read(attributes, dialect)
  } catch (error) {
    if (error instanceof ScimError) return error
    throw error
  }
  throw new Error('it was accepted')
}
