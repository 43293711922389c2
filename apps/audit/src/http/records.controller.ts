import { Controller, Get, Inject, Param, Query, UseGuards } from '@nestjs/common'
import { type Actor, type AdminCall, AdminGuard, Asking, Call, mayTouch } from '#libs/admin/index'
import type { RequestDecided } from '#libs/events/index'
import { type Page, pageOf, problems } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { AUDIT_DATABASE } from '../database.ts'
import { type AuditRecord, findRecord, findRecords } from '../store/find-records.ts'
import { placeKey, readRecordsQuery } from './queries.ts'

/** The decision as the gateway or the keys service told it, under the id of its request. */
type RecordAnswer = { readonly id: string } & RequestDecided

@Controller('audit/v1/records')
@UseGuards(AdminGuard)
export class RecordsController {
  readonly #database: Database

  constructor(@Inject(AUDIT_DATABASE) database: Database) {
    this.#database = database
  }

  @Get()
  async list(@Asking() { tenants }: Actor, @Query() query: unknown): Promise<Page<RecordAnswer>> {
    const { filter, paging, after } = readRecordsQuery(query)
    const records = await findRecords(
      this.#database,
      { ...filter, tenants: tenants ?? undefined },
      paging.limit + 1,
      after,
    )
    return pageOf(records, paging, placeKey, answerOf)
  }

  @Get(':id')
  async show(@Call() call: AdminCall, @Param('id') id: string): Promise<RecordAnswer> {
    const record = await findRecord(this.#database, id)
    if (record === undefined || !mayTouch(call.actor, record.tenant)) throw problems.notFound('audit record', id)
    const { tenant, connection, environment, identityProvider } = record.decision
    call.about = { tenant, connection, environment, identityProvider, subject: { kind: 'request', id } }
    return answerOf(record)
  }
}

function answerOf({ id, decision }: AuditRecord): RecordAnswer {
  return { id, ...decision }
}
