import {
  Controller,
  type DynamicModule,
  Get,
  Inject,
  Injectable,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { z } from 'zod'
import { HttpAdapter } from '#libs/http/index'
import type { AdminPart } from './operation.ts'
import { publishedDocument, type ServiceAddresses } from './published-document.ts'

const DOCUMENT = Symbol('DOCUMENT')
const PARTS = Symbol('PARTS')

const operations = { 'GET /admin/v1/openapi.json': 'openapi.read' } as const

/** The description of all that the admin APIs do, itself included. */
export const documentPart: AdminPart<typeof operations> = {
  service: 'each',
  operations,
  described: {
    'GET /admin/v1/openapi.json': {
      scope: 'open',
      concerns: 'all',
      summary: 'This document',
      answers: { 200: z.looseObject({ openapi: z.string() }) },
    },
  },
}

@Controller('admin/v1/openapi.json')
class DocumentController {
  readonly #document: object

  constructor(@Inject(DOCUMENT) document: object) {
    this.#document = document
  }

  /** Open: it says what can be asked, and nothing of what is there. */
  @Get()
  read(): object {
    return this.#document
  }
}

const described = /^[A-Z]+ \/(admin|audit|directory)\//

/** Ends the start of a program that answers what no table describes, or describes what it does not answer. */
@Injectable()
class AllIsDescribed implements OnApplicationBootstrap {
  readonly #host: HttpAdapterHost
  readonly #parts: readonly AdminPart[]

  constructor(@Inject(HttpAdapterHost) host: HttpAdapterHost, @Inject(PARTS) parts: readonly AdminPart[]) {
    this.#host = host
    this.#parts = parts
  }

  onApplicationBootstrap(): void {
    const adapter = this.#host.httpAdapter
    if (!(adapter instanceof HttpAdapter)) return
    const told = new Set(this.#parts.flatMap((part) => Object.keys(part.described)))
    const answered = new Set(adapter.routes.filter((route) => described.test(route) || told.has(route)))
    const apart = [...[...answered].filter((one) => !told.has(one)), ...[...told].filter((one) => !answered.has(one))]
    if (apart.length > 0) throw new Error(`the tables of operations and the routes differ in ${apart.join(', ')}`)
  }
}

/** Serves the OpenAPI document; once for each program, however many services are in it. `parts` are the program's own. */
@Module({})
export class AdminDocument {
  static with(parts: readonly AdminPart[], addresses: ServiceAddresses): DynamicModule {
    const all = [...parts, documentPart]
    const own = all.flatMap(({ service }) => (service === 'each' ? [] : [service]))
    return {
      module: AdminDocument,
      controllers: [DocumentController],
      providers: [
        { provide: DOCUMENT, useValue: publishedDocument(own, addresses) },
        { provide: PARTS, useValue: all },
        AllIsDescribed,
      ],
    }
  }
}
