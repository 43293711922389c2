import { adminServer, answer } from './test/admin-server.ts'

const server = adminServer()
const { latchkey } = server

describe('dead letters', () => {
  const letter = {
    id: 'e1',
    name: 'user.provisioned',
    key: 'k1',
    reason: 'refused',
    buriedAt: '2026-03-01T10:00:00.000Z',
  }

  /** Groups with what is dead of each; replaying applies what is not named as `stuck`. */
  function follow(dead: Record<string, string[]>, stuck: readonly string[] = []): { ids: string[] }[] {
    const asked: { ids: string[] }[] = []
    server.respond = (request, response) => {
      const [, group = '', replay] = /followers\/(\w+)\/dead-letters(\/replay)?$/.exec(request.url) ?? []
      const say = (body: object): unknown => answer(200, body)(request, response)
      if (group === '') return say({ items: Object.keys(dead).map((name) => ({ group: name, state: 'following' })) })
      if (replay === undefined) return say({ items: (dead[group] ?? []).map((id) => ({ ...letter, id })) })
      const { ids } = JSON.parse(request.body) as { ids: string[] }
      asked.push({ ids })
      dead[group] = (dead[group] ?? []).filter((id) => !ids.includes(id) || stuck.includes(id))
      say({ applied: ids.filter((id) => !stuck.includes(id)), stillDead: ids.filter((id) => stuck.includes(id)) })
    }
    return asked
  }

  test('of all groups are listed, or of the one that is named', async () => {
    follow({ audit: ['a1'], keys: ['b1', 'b2'] })
    const { code, out } = await latchkey(['dead-letters', 'list'])
    expect(code).toBe(0)
    expect(out).toMatch(/^GROUP +ID +EVENT +KEY +BURIED +REASON\naudit +a1 .*\nkeys +b1 .*\nkeys +b2 .*refused\n$/)
    const one = await latchkey(['dead-letters', 'list', '--group', 'audit', '--json'])
    expect(JSON.parse(one.out)).toEqual([{ group: 'audit', ...letter, id: 'a1' }])
    expect((await latchkey(['dead-letters', 'list', '--group', 'nobody'])).code).toBe(4)
  })

  test('are replayed each once, fifty at a time, and what stays dead is a failure', async () => {
    const ids = Array.from({ length: 70 }, (_, at) => `e${at}`)
    const asked = follow({ directory: [...ids] }, ['e3'])
    const { code, out, err } = await latchkey(['dead-letters', 'replay'])
    expect(asked.map((each) => each.ids.length)).toEqual([50, 20])
    expect(asked.flatMap((each) => each.ids)).toEqual(ids)
    expect(out).toMatch(/directory +69 +1\n$/)
    expect([code, err]).toEqual([1, expect.stringContaining('1 could not be applied')])
    expect((await latchkey(['dead-letters', 'replay', '--group', 'directory'])).code).toBe(1)
  })
})
