import { type DynamicModule, Module } from '@nestjs/common'
import { ADMIN_TOKEN } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { DIRECTORY_DATABASE } from './database.ts'
import { FollowPeople } from './events/follow-people.ts'
import { GroupsController } from './http/groups.controller.ts'
import { UsersController } from './http/users.controller.ts'

export interface DirectoryParts {
  /** Holds the schema `directory`, brought up to date by `migrateDirectory`. */
  readonly database: Database
  readonly adminToken: string | readonly string[]
}

/** People and groups in our own words, as applications and the login ask for them. */
@Module({})
export class DirectoryModule {
  static with({ database, adminToken }: DirectoryParts): DynamicModule {
    return {
      module: DirectoryModule,
      controllers: [UsersController, GroupsController, FollowPeople],
      providers: [
        { provide: DIRECTORY_DATABASE, useValue: database },
        { provide: ADMIN_TOKEN, useValue: adminToken },
      ],
    }
  }
}
