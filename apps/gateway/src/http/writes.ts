import { Inject, Injectable } from '@nestjs/common'
import { AdminWrites } from '#libs/admin/index'
import type { Transaction } from '#libs/postgres/index'
import { gatewaySchema } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'
import { adminTransaction } from '../store/admin-transaction.ts'

/** The writes of the gateway's admin API. */
@Injectable()
export class Writes extends AdminWrites<Transaction> {
  constructor(@Inject(GATEWAY_PARTS) { database, log, clock }: GatewayParts) {
    super({
      open: (work) => adminTransaction(database, (transaction) => work(transaction, transaction)),
      schema: gatewaySchema,
      log,
      clock,
    })
  }
}
