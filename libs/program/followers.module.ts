import { type DynamicModule, Module } from '@nestjs/common'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import { ADMIN_TOKEN } from '#libs/http/index'
import type { Logger } from '#libs/telemetry/index'
import { FOLLOWERS, FOLLOWERS_LOG, FollowersController } from './followers.controller.ts'

/** The followers of a process under /admin/v1/followers, for whoever has the admin token. */
@Module({})
export class Followers {
  static with(servers: readonly EventLogServer[], adminToken: string, logger: Logger): DynamicModule {
    return {
      module: Followers,
      controllers: [FollowersController],
      providers: [
        { provide: FOLLOWERS, useValue: servers },
        { provide: FOLLOWERS_LOG, useValue: logger },
        { provide: ADMIN_TOKEN, useValue: adminToken },
      ],
    }
  }
}
