import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { answeredBy } from './openapi.ts'
import { type AdminService, adminServices } from './operation.ts'

/** Where the document of all services lies, seen from the compiled file. It is written from their tables of operations. */
export const documentFile = join(import.meta.dirname, '../../../docs/openapi.json')

const path = z.looseObject({ [answeredBy]: z.enum([...adminServices, 'each']) })
const document = z.looseObject({ paths: z.record(z.string(), path) })

/** Where administrators reach services, as far as that is known. */
export type ServiceAddresses = Readonly<Partial<Record<AdminService, string>>>

/**
 * The document of all services, as a program serves it that is some of them: of paths that it does not answer itself, and of those that
 * each service answers for itself, it says where else they are answered.
 */
export function publishedDocument(own: readonly AdminService[], addresses: ServiceAddresses): object {
  const { paths, ...rest } = document.parse(JSON.parse(readFileSync(documentFile, 'utf8')))
  const others = adminServices.filter((service) => !own.includes(service))
  const serverOf = (service: AdminService): { url: string; description: string }[] => {
    const url = addresses[service]
    return url === undefined ? [] : [{ url, description: `The ${service} service` }]
  }
  const told = Object.entries(paths).map(([name, item]): [string, object] => {
    const { [answeredBy]: service } = item
    if (service !== 'each' && !others.includes(service)) return [name, item]
    const elsewhere = service === 'each' ? others.flatMap(serverOf) : serverOf(service)
    if (elsewhere.length === 0) return [name, item]
    const servers = service === 'each' ? [{ url: '/', description: 'This service' }, ...elsewhere] : elsewhere
    return [name, { ...item, servers }]
  })
  return { ...rest, paths: Object.fromEntries<object>(told) }
}
