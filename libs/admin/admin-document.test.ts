import 'reflect-metadata'
import { Controller, Get, Module, type Type } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { z } from 'zod'
import { createHttpAdapter } from '#libs/http/index'
import { AdminDocument, type AdminPart } from './index.ts'

const described: AdminPart['described'] = {
  'GET /admin/v1/keys': { scope: 'keys:read', concerns: 'own', summary: 'List', answers: { 200: z.object({}) } },
}
const part: AdminPart = { service: 'keys', operations: { 'GET /admin/v1/keys': 'keys.list' }, described }

@Controller('admin/v1/keys')
class Keys {
  @Get()
  list() {
    return {}
  }
}

@Controller('admin/v1/secrets')
class Secrets {
  @Get()
  list() {
    return {}
  }
}

async function start(...controllers: Type[]): Promise<void> {
  @Module({})
  class Program {}
  const module = { module: Program, imports: [AdminDocument.with([part], {})], controllers }
  const adapter = createHttpAdapter({ bodyLimit: 1_000, requestTimeoutMs: 1_000 })
  const app = await NestFactory.create(module, adapter, { logger: false, bodyParser: false, abortOnError: false })
  try {
    await app.init()
  } finally {
    await app.close()
  }
}

test('a program starts whose routes are those that its tables describe', async () => {
  await start(Keys)
})

test('a program does not start that answers what no table describes, or describes what it does not answer', async () => {
  await expect(start(Keys, Secrets)).rejects.toThrow('differ in GET /admin/v1/secrets')
  await expect(start()).rejects.toThrow('differ in GET /admin/v1/keys')
})
