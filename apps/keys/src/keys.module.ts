import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_AREA, type AdminArea, ADMISSION } from '#libs/admin/index'
import { readKid } from '#libs/credentials/index'
import { isId } from '#libs/events/index'
import { problems } from '#libs/http/index'
import { redact } from '#libs/telemetry/index'
import { FollowRequests } from './events/follow-requests.ts'
import { ConnectionsController } from './http/connections.controller.ts'
import { keysPart } from './http/described.ts'
import { KeyActs } from './http/key-acts.ts'
import { DataKeysController } from './http/data-keys.controller.ts'
import { KeysController } from './http/keys.controller.ts'
import { LeaksController } from './http/leaks.controller.ts'
import { PeppersController } from './http/peppers.controller.ts'
import { RotationsController } from './http/rotations.controller.ts'
import { SchemasController } from './http/schemas.controller.ts'
import { TenantsController } from './http/tenants.controller.ts'
import { TokensController } from './http/tokens.controller.ts'
import { Writes } from './http/writes.ts'
import { KEYS_PARTS, type KeysParts } from './parts.ts'
import { tenantOfConnection } from './store/connections.ts'
import { findKey } from './store/keys.ts'
import { findRotation } from './store/situations.ts'
import { RotationWorker, type WorkerTimes } from './rotation-worker.ts'

/** Tenants, connections, provisioning keys and admin tokens, with the admin API under /admin/v1. */
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
        TokensController,
        LeaksController,
        RotationsController,
        DataKeysController,
        PeppersController,
        FollowRequests,
      ],
      providers: [
        { provide: KEYS_PARTS, useValue: parts },
        { provide: ADMISSION, useValue: parts.admission },
        { provide: ADMIN_AREA, useValue: areaOf(parts) },
        Writes,
        KeyActs,
        { provide: RotationWorker, useFactory: () => new RotationWorker(parts, times) },
      ],
    }
  }
}

function areaOf({ entities }: KeysParts): AdminArea {
  return {
    described: keysPart.described,
    owners: {
      connection: {
        tenantOf: (id) => tenantOfConnection(entities.manager, id),
        missing: (id) => problems.notFound('connection', id),
      },
      kid: {
        async tenantOf(text) {
          const kid = readKid(text)
          return kid && (await findKey(entities.manager, kid))?.tenant
        },
        missing: (text) => problems.notFound('key', redact(text)),
      },
      rotation: {
        tenantOf: async (id) => (isId(id) ? (await findRotation(entities.manager, id))?.tenant : undefined),
        missing: (id) => problems.notFound('rotation', id),
      },
    },
  }
}
