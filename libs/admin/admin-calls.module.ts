import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_CALLS, type AdminCallsParts, RecordCalls } from './record-calls.ts'

/** Opens and records every call of the admin API of a program; once for each program, however many services are in it. */
@Module({})
export class AdminCalls {
  static with(parts: AdminCallsParts): DynamicModule {
    return { module: AdminCalls, providers: [{ provide: ADMIN_CALLS, useValue: parts }, RecordCalls] }
  }
}
