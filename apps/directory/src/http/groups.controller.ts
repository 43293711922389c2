import { Controller, Get, Inject, Param, Query, UseGuards } from '@nestjs/common'
import { type AdminCall, AdminGuard, Call } from '#libs/admin/index'
import type { GroupFacts } from '#libs/events/index'
import { type Page, paging, problems } from '#libs/http/index'
import type { Database } from '#libs/postgres/index'
import { DIRECTORY_DATABASE } from '../database.ts'
import { type DirectMember, directMembers, findGroup, type KnownGroup, listGroups } from '../store/find-groups.ts'
import { type EffectiveGroup, effectiveGroups } from '../store/find-people.ts'
import { aboutConnection, aboutRead } from './about.ts'
import { pageById, spanOf } from './queries.ts'

type Scope = Pick<KnownGroup, 'tenant' | 'environment' | 'version'>
type GroupAnswer = GroupFacts & Scope & { readonly connection: string }

interface GroupDetail extends GroupAnswer {
  /** Direct members; `next` is given as `after` of this same address. */
  readonly members: Page<DirectMember>
  readonly groups: readonly EffectiveGroup[]
}

@Controller('directory/v1/:connection/groups')
@UseGuards(AdminGuard)
export class GroupsController {
  readonly #database: Database

  constructor(@Inject(DIRECTORY_DATABASE) database: Database) {
    this.#database = database
  }

  @Get()
  async list(
    @Call() call: AdminCall,
    @Param('connection') connection: string,
    @Query() query: unknown,
  ): Promise<Page<GroupAnswer>> {
    const page = paging(query)
    call.about = await aboutConnection(this.#database, connection)
    const groups = await listGroups(this.#database, connection, spanOf(page))
    return pageById(groups, page, (group) => answerOf(connection, group))
  }

  @Get(':id')
  async show(
    @Call() call: AdminCall,
    @Param('connection') connection: string,
    @Param('id') id: string,
    @Query() query: unknown,
  ): Promise<GroupDetail> {
    const page = paging(query)
    const [group, members, groups] = await this.#database.transaction(async (transaction) => {
      // Its version and its members as they were at one moment.
      transaction.send('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
      return Promise.all([
        findGroup(transaction, connection, id),
        directMembers(transaction, connection, id, spanOf(page)),
        effectiveGroups(transaction, connection, id),
      ])
    })
    if (group === undefined) throw problems.notFound('group', id)
    call.about = aboutRead('Group', connection, group)
    return { ...answerOf(connection, group), members: pageById(members, page, (member) => member), groups }
  }
}

function answerOf(connection: string, { facts, tenant, environment, version }: KnownGroup): GroupAnswer {
  return { ...facts, tenant, connection, environment, version }
}
