import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import { FollowRequests } from './events/follow-requests.ts'
import { ConnectionsController } from './http/connections.controller.ts'
import { DataKeysController } from './http/data-keys.controller.ts'
import { KeysController } from './http/keys.controller.ts'
import { SchemasController } from './http/schemas.controller.ts'
import { TenantsController } from './http/tenants.controller.ts'
import { Writes } from './http/writes.ts'
import { KEYS_PARTS, type KeysParts } from './parts.ts'

/** Tenants, connections and provisioning keys, with the admin API under /admin/v1. */
@Module({})
export class KeysModule {
  static with(parts: KeysParts): DynamicModule {
    return {
      module: KeysModule,
      controllers: [
        TenantsController,
        ConnectionsController,
        SchemasController,
        KeysController,
        DataKeysController,
        FollowRequests,
      ],
      providers: [
        { provide: KEYS_PARTS, useValue: parts },
        { provide: ADMIN_TOKEN, useValue: parts.adminTokens },
        Writes,
      ],
    }
  }
}
