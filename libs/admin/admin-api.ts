import { applyDecorators, Controller, UseGuards } from '@nestjs/common'
import { AdminGuard } from '#libs/http/index'

/** A controller of the admin API: it lets in who has the admin token. */
export function AdminApi(path: string): ClassDecorator {
  return applyDecorators(Controller(`admin/v1/${path}`), UseGuards(AdminGuard))
}
