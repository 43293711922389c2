import { applyDecorators, Controller, UseGuards } from '@nestjs/common'
import { AdminGuard } from './admin-guard.ts'

/** A controller of the admin API: it lets in whose admin token opens the operation. */
export function AdminApi(path: string): ClassDecorator {
  return applyDecorators(Controller(`admin/v1/${path}`), UseGuards(AdminGuard))
}
