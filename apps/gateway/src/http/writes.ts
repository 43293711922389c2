import { Inject, Injectable } from '@nestjs/common'
import { AdminWrites } from '#libs/admin/index'
import type { Transaction } from '#libs/postgres/index'
import { gatewaySchema } from '../names.ts'
import { GATEWAY_PARTS, type GatewayParts } from '../parts.ts'

/** The writes of the gateway's admin API. A group of very many members takes its time. */
@Injectable()
export class Writes extends AdminWrites<Transaction> {
  constructor(@Inject(GATEWAY_PARTS) { database, log, clock }: GatewayParts) {
    super({
      open: (work) => database.transaction((transaction) => work(transaction, transaction), 'nobody waits'),
      schema: gatewaySchema,
      log,
      clock,
    })
  }
}
