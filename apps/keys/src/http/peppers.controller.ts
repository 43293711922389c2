import { Get, Inject } from '@nestjs/common'
import { AdminApi } from '#libs/admin/index'
import { KEYS_PARTS, type KeysParts } from '../parts.ts'
import { pepperNeeds } from '../store/peppers.ts'

/** The versions of the peppers, and what is digested under each: one that nothing needs may be left out. */
@AdminApi('peppers')
export class PeppersController {
  readonly #parts: KeysParts

  constructor(@Inject(KEYS_PARTS) parts: KeysParts) {
    this.#parts = parts
  }

  @Get()
  async list() {
    const { database, peppers } = this.#parts
    const needs = await pepperNeeds(database)
    return {
      items: needs.map(({ version, keys, kids, tokens }) => ({
        version,
        isCurrent: version === peppers.current,
        isHeld: peppers.keys.has(version),
        keys,
        kids: [...kids],
        tokens,
      })),
    }
  }
}
