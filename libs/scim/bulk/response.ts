import type { BulkOperation } from './request.ts'

const bulkResponseSchema = 'urn:ietf:params:scim:api:messages:2.0:BulkResponse'

/** What became of one operation, RFC 7644 section 3.7.3. */
export interface BulkResult {
  readonly method?: NonNullable<BulkOperation['method']>
  readonly bulkId?: string
  readonly version?: string
  readonly location?: string
  readonly status: number
  /** JSON text of the Error; successes are told without one. */
  readonly response?: string
}

/** The BulkResponse as JSON text. */
export function renderBulk(results: readonly BulkResult[]): string {
  return `{"schemas":["${bulkResponseSchema}"],"Operations":[${results.map(renderResult).join(',')}]}`
}

function renderResult({ response, status, ...facts }: BulkResult): string {
  const text = JSON.stringify({ ...facts, status: String(status) })
  return response === undefined ? text : `${text.slice(0, -1)},"response":${response}}`
}
