import type { AdminArea } from '#libs/admin/index'
import { isId } from '#libs/events/index'
import { problems } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { findDetection } from '../store/detections.ts'
import { auditPart } from './described.ts'

/** What the audit service's part of the admin API asks of who calls it. A detection of no tenant is for tokens that are limited to none. */
export function areaOf(database: Database): AdminArea {
  return {
    described: auditPart.described,
    owners: {
      detection: {
        async tenantOf(id) {
          const detection = isId(id) ? await findDetection(database, id) : undefined
          return detection?.tenant ?? undefined
        },
        missing: (id) => problems.notFound('detection', id),
      },
    },
  }
}
