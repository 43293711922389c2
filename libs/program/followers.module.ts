import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_AREA, type AdminArea, type Admission, ADMISSION } from '#libs/admin/index'
import type { EventLogServer } from '#libs/eventlog/nest/index'
import type { Logger } from '#libs/telemetry/index'
import { FOLLOWERS, FOLLOWERS_LOG, FollowersController, followersPart } from './followers.controller.ts'

/** The followers of a process under /admin/v1/followers, for whose admin token is limited to no tenants. */
@Module({})
export class Followers {
  static with(servers: readonly EventLogServer[], admission: Admission, logger: Logger): DynamicModule {
    return {
      module: Followers,
      controllers: [FollowersController],
      providers: [
        { provide: FOLLOWERS, useValue: servers },
        { provide: FOLLOWERS_LOG, useValue: logger },
        { provide: ADMISSION, useValue: admission },
        { provide: ADMIN_AREA, useValue: { described: followersPart.described, owners: {} } satisfies AdminArea },
      ],
    }
  }
}
