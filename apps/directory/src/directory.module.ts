import { type DynamicModule, Module } from '@nestjs/common'
import {
  ADMIN_AREA,
  type AdminArea,
  type Admission,
  ADMISSION,
  followTokens,
  HearTokens,
  KNOWN_TOKENS,
  TOKEN_CHANNEL,
  type TokenChannel,
} from '#libs/admin/index'
import { problems } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { DIRECTORY_DATABASE } from './database.ts'
import { FollowPeople } from './events/follow-people.ts'
import { GroupsController } from './http/groups.controller.ts'
import { directoryPart } from './http/described.ts'
import { UsersController } from './http/users.controller.ts'
import { DIRECTORY } from './names.ts'
import { tenantOfConnection } from './store/connections.ts'

export interface DirectoryParts {
  /** Holds the schema `directory`, brought up to date by `migrateDirectory`. */
  readonly database: Database
  readonly admission: Admission
  readonly tokenChannel: TokenChannel
}

/** People and groups in our own words, as applications and the login ask for them. */
@Module({})
export class DirectoryModule {
  static with({ database, admission, tokenChannel }: DirectoryParts): DynamicModule {
    return {
      module: DirectoryModule,
      controllers: [UsersController, GroupsController, FollowPeople, followTokens(DIRECTORY)],
      providers: [
        { provide: DIRECTORY_DATABASE, useValue: database },
        { provide: ADMISSION, useValue: admission },
        { provide: ADMIN_AREA, useValue: areaOf(database) },
        { provide: KNOWN_TOKENS, useValue: admission.tokens },
        { provide: TOKEN_CHANNEL, useValue: tokenChannel },
        HearTokens,
      ],
    }
  }
}

function areaOf(database: Database): AdminArea {
  return {
    described: directoryPart.described,
    owners: {
      connection: {
        tenantOf: (id) => tenantOfConnection(database, id),
        missing: (id) => problems.notFound('connection', id),
      },
    },
  }
}
