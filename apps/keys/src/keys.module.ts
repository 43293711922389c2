import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import { FollowRequests } from './events/follow-requests.ts'
import { ConnectionsController } from './http/connections.controller.ts'
import { KeyActs } from './http/key-acts.ts'
import { DataKeysController } from './http/data-keys.controller.ts'
import { KeysController } from './http/keys.controller.ts'
import { LeaksController } from './http/leaks.controller.ts'
import { RotationsController } from './http/rotations.controller.ts'
import { SchemasController } from './http/schemas.controller.ts'
import { TenantsController } from './http/tenants.controller.ts'
import { Writes } from './http/writes.ts'
import { KEYS_PARTS, type KeysParts } from './parts.ts'
import { RotationWorker, type WorkerTimes } from './rotation-worker.ts'

/** Tenants, connections and provisioning keys, with the admin API under /admin/v1. */
@Module({})
export class KeysModule {
  /** `times` are those of the worker that rotates keys. */
  static with(parts: KeysParts, times?: WorkerTimes): DynamicModule {
    return {
      module: KeysModule,
      controllers: [
        TenantsController,
        ConnectionsController,
        SchemasController,
        KeysController,
        LeaksController,
        RotationsController,
        DataKeysController,
        FollowRequests,
      ],
      providers: [
        { provide: KEYS_PARTS, useValue: parts },
        { provide: ADMIN_TOKEN, useValue: parts.adminTokens },
        Writes,
        KeyActs,
        { provide: RotationWorker, useFactory: () => new RotationWorker(parts, times) },
      ],
    }
  }
}
