import { applyDecorators, Controller, UseGuards, UseInterceptors } from '@nestjs/common'
import { AdminGuard } from '#libs/http/index'
import { DatabaseAway } from './database-away.ts'

/** A controller of the admin API: it lets in who has the admin token. */
export function AdminApi(path: string): ClassDecorator {
  return applyDecorators(Controller(`admin/v1/${path}`), UseGuards(AdminGuard), UseInterceptors(DatabaseAway))
}
