import { Inject, Injectable } from '@nestjs/common'
import { AdminWrites } from '#libs/admin/index'
import type { Transaction } from '#libs/postgres/index'
import { auditSchema } from '../names.ts'
import { AUDIT_PARTS, type AuditParts } from '../parts.ts'

/** The writes of the audit service's admin API. */
@Injectable()
export class Writes extends AdminWrites<Transaction> {
  constructor(@Inject(AUDIT_PARTS) { database, log, clock }: AuditParts) {
    super({
      open: (work) => database.transaction((transaction) => work(transaction, transaction), 'a request waits'),
      schema: auditSchema,
      log,
      clock,
    })
  }
}
