import { type DynamicModule, Module } from '@nestjs/common'
import { metrics } from '#libs/telemetry/index'
import { Cursors } from './cursor.ts'
import { FollowTrust } from './events/follow-trust.ts'
import { HearChannel } from './events/hear-channel.ts'
import { WatchChanges } from './events/watch-changes.ts'
import { ScimController, SERVE_PARTS } from './http/scim.controller.ts'
import { scimPrefix } from './names.ts'
import { failureLog, observer } from './observe.ts'
import { GATEWAY_PARTS, type GatewayParts } from './parts.ts'
import type { ServeParts } from './serve.ts'
import { KnownTrust } from './store/known-trust.ts'
import { Records } from './store/records.ts'
import { Writer } from './store/writer.ts'

/** The way in: SCIM 2.0 under /scim/v2/<connection>. */
@Module({})
export class GatewayModule {
  static with(parts: GatewayParts): DynamicModule {
    const { database, log, decisions, currency, peppers, bodyLimit, logger, telemetry } = parts
    const hits = telemetry.metrics.counter(metrics.knownKeyHits)
    const misses = telemetry.metrics.counter(metrics.knownKeyMisses)
    const failed = failureLog(logger)
    const trust = new KnownTrust(database, (hit) => (hit ? hits : misses).add(1))
    const serveParts: ServeParts = {
      trust,
      currency,
      peppers,
      bodyLimit,
      decisions,
      records: new Records({ database, listTimeout: parts.listTimeout }),
      cursors: new Cursors(peppers, parts.cursorTimeout),
      writer: new Writer({ database, log, onFailure: failed }),
      baseUrl: (connection) => `${parts.publicUrl}${scimPrefix}/${connection}`,
      answered: observer(telemetry),
      failed,
    }
    return {
      module: GatewayModule,
      controllers: [ScimController, FollowTrust],
      providers: [
        { provide: GATEWAY_PARTS, useValue: parts },
        { provide: SERVE_PARTS, useValue: serveParts },
        { provide: KnownTrust, useValue: trust },
        HearChannel,
        WatchChanges,
      ],
    }
  }
}
