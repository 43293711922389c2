import { type DynamicModule, Module } from '@nestjs/common'
import {
  ADMIN_AREA,
  ADMISSION,
  followTokens,
  HearTokens,
  KNOWN_TOKENS,
  TOKEN_CHANNEL,
  type TokenChannel,
} from '#libs/admin/index'
import { derivedSecret } from '#libs/credentials/index'
import { metrics } from '#libs/telemetry/index'
import { AccessTokens } from './access-token.ts'
import { Cursors } from './cursor.ts'
import { captureOf, CAPTURES, isCaptured } from './capture.ts'
import { DELETED_RECORDS } from './deleted.ts'
import { FollowTrust } from './events/follow-trust.ts'
import { ForgetCaptures } from './events/forget-captures.ts'
import { HearChannel } from './events/hear-channel.ts'
import { PurgeDeleted } from './events/purge-deleted.ts'
import { WatchChanges } from './events/watch-changes.ts'
import { DeletedController } from './http/deleted.controller.ts'
import { EndTurns } from './http/end-turns.ts'
import { GuardController } from './http/guard.controller.ts'
import { RecordUnread } from './http/record-unread.ts'
import { RequestsController } from './http/requests.controller.ts'
import { ScimController, SERVE_PARTS } from './http/scim.controller.ts'
import { TokenController } from './http/token.controller.ts'
import { Writes } from './http/writes.ts'
import { areaOf } from './http/area.ts'
import { FirstUses } from './first-uses.ts'
import { GUARDS } from './guards.ts'
import { GATEWAY, scimPrefix } from './names.ts'
import { failureLog, observer } from './observe.ts'
import { GATEWAY_PARTS, type GatewayParts } from './parts.ts'
import type { KnownConnection } from './principal.ts'
import { memoryLimiter } from '#libs/rates/index'
import { Rates } from './rates.ts'
import { Pseudonyms } from './pseudonyms.ts'
import type { ServeParts } from './serve.ts'
import { StoredCaptures } from './store/captures.ts'
import { StoredDeletedRecords } from './store/deleted-records.ts'
import { SigningKeys } from './signing-keys.ts'
import { KnownDataKeys } from './store/known-data-keys.ts'
import { StoredGuards } from './store/guards.ts'
import { KnownTrust } from './store/known-trust.ts'
import { Records } from './store/records.ts'
import { RenewedDigests } from './store/renewed-digests.ts'
import { Writer } from './store/writer.ts'

/** The way in: SCIM 2.0 under /scim/v2/<connection>; and what was deleted there, in the admin API. */
@Module({})
export class GatewayModule {
  static with(parts: GatewayParts): DynamicModule {
    const { database, log, decisions, currency, peppers, bodyLimits, logger, telemetry } = parts
    const hits = telemetry.metrics.counter(metrics.knownKeyHits)
    const misses = telemetry.metrics.counter(metrics.knownKeyMisses)
    const failed = failureLog(logger)
    const trust = new KnownTrust(database, (hit) => (hit ? hits : misses).add(1))
    const dataKeys = new KnownDataKeys(database)
    const digests = new RenewedDigests({
      database,
      log,
      peppers,
      clock: parts.clock,
      changed: (kid) => trust.keyChanged(kid),
      onFailure: failed,
    })
    const captures = new StoredCaptures(database, failed)
    const secret = derivedSecret(peppers, 'pseudonyms')
    const pseudonyms = ({ connection, types: { User, Group } }: KnownConnection): Pseudonyms =>
      new Pseudonyms(secret, connection, [...User.secrets, ...Group.secrets])
    const rates = new Rates({ shared: parts.limiter, own: memoryLimiter(), trust, limits: parts.rateLimits })
    const serveParts: ServeParts = {
      trust,
      currency,
      peppers,
      rates,
      bodyLimits,
      digests,
      tokens: new AccessTokens(peppers, parts.publicUrl),
      clock: parts.clock,
      signatures: {
        publicUrl: new URL(parts.publicUrl),
        nonces: parts.nonces,
        keys: new SigningKeys({
          dataKeys: parts.dataKeys,
          find: (tenant, id) => dataKeys.find(tenant, id),
          lifetime: parts.dataKeyLifetime,
        }),
      },
      decisions,
      firstUses: new FirstUses(decisions),
      records: new Records({ database, listTimeout: parts.listTimeout }),
      cursors: new Cursors(peppers, parts.cursorTimeout),
      writer: new Writer({ database, log, onFailure: failed }),
      baseUrl: (connection) => `${parts.publicUrl}${scimPrefix}/${connection}`,
      answered: observer(telemetry),
      capture(passage) {
        if (isCaptured(passage)) captures.keep(() => captureOf(passage, pseudonyms), passage.bodySize ?? 0)
      },
      failed,
    }
    const tokenChannel: TokenChannel = {
      channel: parts.channel,
      onFailure: failed,
      missed: () => currency.missed(),
    }
    return {
      module: GatewayModule,
      controllers: [
        ScimController,
        TokenController,
        FollowTrust,
        followTokens(GATEWAY),
        DeletedController,
        RequestsController,
        GuardController,
      ],
      providers: [
        { provide: GATEWAY_PARTS, useValue: parts },
        { provide: SERVE_PARTS, useValue: serveParts },
        RecordUnread,
        { provide: Rates, useValue: rates },
        EndTurns,
        Writes,
        { provide: KnownTrust, useValue: trust },
        { provide: KnownDataKeys, useValue: dataKeys },
        { provide: GUARDS, useValue: new StoredGuards(database) },
        { provide: DELETED_RECORDS, useValue: new StoredDeletedRecords(database) },
        { provide: ADMISSION, useValue: parts.admission },
        { provide: ADMIN_AREA, useValue: areaOf(trust, captures) },
        { provide: KNOWN_TOKENS, useValue: parts.admission.tokens },
        { provide: TOKEN_CHANNEL, useValue: tokenChannel },
        HearTokens,
        { provide: CAPTURES, useValue: captures },
        ForgetCaptures,
        HearChannel,
        WatchChanges,
        PurgeDeleted,
      ],
    }
  }
}
