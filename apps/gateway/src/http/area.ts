import type { AdminArea } from '#libs/admin/index'
import { isId } from '#libs/events/index'
import { problems } from '#libs/http/index'
import type { Captures } from '../capture.ts'
import type { KnownTrust } from '../store/known-trust.ts'
import { gatewayPart } from './described.ts'
import { notCaptured } from './requests.controller.ts'

/** What the gateway's part of the admin API asks of who calls it. */
export function areaOf(trust: KnownTrust, captures: Captures): AdminArea {
  const tenantOf = async (connection: string) => (await trust.connection(connection))?.tenant
  return {
    described: gatewayPart.described,
    owners: {
      connection: { tenantOf, missing: (id) => problems.notFound('connection', id) },
      request: {
        async tenantOf(id) {
          const capture = isId(id) ? await captures.find(id) : undefined
          return capture && tenantOf(capture.connection)
        },
        missing: notCaptured,
      },
    },
  }
}
