import { readFileSync } from 'node:fs'
import { documentFile, publishedDocument } from '#libs/admin/index'
import { openApiText, rewriteCommand } from './write-openapi.ts'

test('the published OpenAPI document is made of the tables of operations', () => {
  const published = readFileSync(documentFile, 'utf8')
  if (published !== openApiText()) throw new Error(`${documentFile} is not what the tables say: ${rewriteCommand}`)
})

test('a service that is not told where others are says who answers, and nothing of where', () => {
  expect(JSON.stringify(publishedDocument(['keys'], {}))).not.toContain('"servers"')
  const all = publishedDocument(['gateway', 'keys', 'directory', 'audit'], { audit: 'https://audit.example.com' })
  expect(JSON.stringify(all)).not.toContain('"servers"')
})

test('what is known of one other service is told at its paths and at those that each answers', () => {
  const told = JSON.parse(JSON.stringify(publishedDocument(['keys'], { audit: 'https://audit.example.com' })))
  const serversAt = (path: string) => told.paths[path].servers?.map(({ url }: { url: string }) => url)
  expect(serversAt('/audit/v1/records')).toEqual(['https://audit.example.com'])
  expect(serversAt('/admin/v1/followers')).toEqual(['/', 'https://audit.example.com'])
  expect(serversAt('/admin/v1/guard')).toBeUndefined()
  expect(serversAt('/admin/v1/tenants')).toBeUndefined()
})
