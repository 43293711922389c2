import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { adminServer, answer } from './test/admin-server.ts'
import { connection } from './test/answered.ts'

const server = adminServer()
const { latchkey } = server

describe('schemas', () => {
  const urn = 'urn:acme:costs:1.0:User'
  const path = `/admin/v1/connections/${connection.id}/schemas`
  const of = ['--connection', connection.id]
  const center = { name: 'center', type: 'string', mutability: 'readWrite', returned: 'default' }
  const document = {
    id: urn,
    name: 'Costs',
    attributes: [{ ...center, multiValued: false, required: true, caseExact: true }],
  }
  const schema = { id: urn, resourceType: 'Group', required: false, inUse: true, document }

  test.each([
    ['a new one by POST', 404, ['--for', 'Group', '--required'], 'POST', `${path}?resourceType=Group&required=true`],
    ['one that is there by PUT', 200, ['--optional'], 'PUT', `${path}/${encodeURIComponent(urn)}?required=false`],
  ])('add sends %s', async (_what, found, options, method, url) => {
    await writeFile(join(server.folder, 'costs.json'), JSON.stringify(document))
    let sent: unknown
    server.respond = (request, response) => {
      if (request.method !== 'GET') sent = JSON.parse(request.body)
      answer(
        request.method === 'GET' ? found : 200,
        found === 404 && request.method === 'GET' ? { detail: 'none' } : schema,
      )(request, response)
    }
    const { code, out } = await latchkey(['schemas', 'add', 'costs.json', ...of, ...options])
    expect(code).toBe(0)
    expect(server.seen.map((request) => request.method)).toEqual(['GET', method])
    expect(server.seen[1]?.url).toBe(url)
    expect(sent).toEqual(document)
    expect(out).toMatch(
      /extends +Group\nrequired +no\nin use +yes\n\nATTRIBUTE.*\ncenter +string +readWrite +default +required, caseExact\n$/,
    )
  })

  test.each(['{', '[]', '{"id":1}', undefined])('add refuses a file that holds %j', async (content) => {
    if (content !== undefined) await writeFile(join(server.folder, 'costs.json'), content)
    const { code, err } = await latchkey(['schemas', 'add', 'costs.json', ...of])
    expect([code, server.seen]).toEqual([2, []])
    expect(err).toMatch(/^latchkey: [^\n]*costs\.json[^\n]+\n$/)
  })

  test('are listed and shown', async () => {
    server.respond = answer(200, { items: [schema] })
    expect((await latchkey(['schemas', 'list', ...of])).out).toMatch(/urn:acme:costs:1.0:User +Group +no +yes +1\n$/)
    // The list has no pages, and its address takes no parameter.
    expect(server.seen.at(-1)?.url).toBe(path)
    server.respond = answer(200, schema)
    expect(JSON.parse((await latchkey(['schemas', 'show', urn, ...of, '--json'])).out)).toEqual(schema)
  })

  test('that are in use stay, and each reason is told', async () => {
    const errors = [{ pointer: '#/attributes/0/type', detail: 'was string: keep string' }]
    server.respond = answer(409, { detail: 'It is in use.', code: 'conflict', errors })
    const { code, err } = await latchkey(['schemas', 'remove', urn, ...of])
    expect([code, err]).toEqual([1, 'latchkey: It is in use. attributes/0/type was string: keep string.\n'])
    server.respond = (_request, response) => response.writeHead(204).end()
    expect(await latchkey(['schemas', 'remove', urn, ...of])).toEqual({ code: 0, out: `removed  ${urn}\n`, err: '' })
    expect(server.seen.at(-1)).toMatchObject({ method: 'DELETE', url: `${path}/${encodeURIComponent(urn)}` })
  })
})
