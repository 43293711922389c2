import { Controller, Get, Inject, Param, Query, UseGuards } from '@nestjs/common'
import { type AdminCall, AdminGuard, Call } from '#libs/admin/index'
import type { Person } from '#libs/events/index'
import { type Page, problems } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { DIRECTORY_DATABASE } from '../database.ts'
import { type EffectiveGroup, effectiveGroups, findPerson, type KnownPerson, listPeople } from '../store/find-people.ts'
import { aboutConnection, aboutRead } from './about.ts'
import { pageById, readPeopleQuery, spanOf } from './queries.ts'

type Scope = Pick<KnownPerson, 'tenant' | 'environment' | 'version'>
type UserAnswer = Person & Scope & { readonly connection: string }

@Controller('directory/v1/:connection/users')
@UseGuards(AdminGuard)
export class UsersController {
  readonly #database: Database

  constructor(@Inject(DIRECTORY_DATABASE) database: Database) {
    this.#database = database
  }

  @Get()
  async list(
    @Call() call: AdminCall,
    @Param('connection') connection: string,
    @Query() query: unknown,
  ): Promise<Page<UserAnswer>> {
    const { paging, userName } = readPeopleQuery(query)
    call.about = await aboutConnection(this.#database, connection)
    const people = await listPeople(this.#database, connection, spanOf(paging), userName)
    return pageById(people, paging, (person) => answerOf(connection, person))
  }

  @Get(':id')
  async show(
    @Call() call: AdminCall,
    @Param('connection') connection: string,
    @Param('id') id: string,
  ): Promise<UserAnswer & { readonly groups: readonly EffectiveGroup[] }> {
    const [person, groups] = await Promise.all([
      findPerson(this.#database, connection, id),
      effectiveGroups(this.#database, connection, id),
    ])
    if (person === undefined) throw problems.notFound('user', id)
    call.about = aboutRead('User', connection, person)
    return { ...answerOf(connection, person), groups }
  }
}

function answerOf(connection: string, { facts, tenant, environment, version }: KnownPerson): UserAnswer {
  return { ...facts, tenant, connection, environment, version }
}
