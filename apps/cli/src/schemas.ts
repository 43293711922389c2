import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { z } from 'zod'
import { removed, schema, type schemaAttribute, type Schema } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { codeOf, Failure } from './failure.ts'
import { facts, table } from './words.ts'

interface OfConnection {
  readonly connection: string
}

interface Added extends OfConnection {
  readonly for?: string
  readonly required?: true
  readonly optional?: true
}

export function schemasCommand(world: World, version: string): Command {
  const add = serverCommand(
    'add',
    'add the schema of a file, or put it in the place of the one that has its URN',
    world,
    version,
    async ({ client, show }, options: Added, file: string) => {
      const document = await documentIn(resolve(world.folder, file))
      const there = await client.find(pathOf(options.connection, document.id), schema)
      const query = new URLSearchParams({
        ...(options.for === undefined ? {} : { resourceType: options.for }),
        ...(options.required === true ? { required: 'true' } : {}),
        ...(options.optional === true ? { required: 'false' } : {}),
      })
      const [method, path] =
        there === undefined
          ? (['POST', pathOf(options.connection)] as const)
          : (['PUT', pathOf(options.connection, document.id)] as const)
      const kept = await client.write(method, `${path}?${query.toString()}`, schema, document)
      show(kept, () => inFull(kept))
    },
  )
    .argument('<file>', 'a SCIM Schema document (RFC 7643 section 7) as JSON')
    .requiredOption('--connection <id>', 'id of the connection')
    .addOption(new Option('--for <type>', 'what it extends (User unless told)').choices(['User', 'Group']))
    .addOption(new Option('--required', 'every new resource must have it').conflicts('optional'))
    .addOption(new Option('--optional', 'a resource need not have it (the case unless told)'))

  const list = serverCommand(
    'list',
    'list the schemas of a connection',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection) => {
      const { items: schemas } = await client.read(pathOf(connection), z.object({ items: z.array(schema) }))
      show(schemas, () =>
        schemas.length === 0
          ? 'The connection has no schema of its own.\n'
          : table(
              ['SCHEMA', 'EXTENDS', 'REQUIRED', 'IN USE', 'ATTRIBUTES'],
              schemas.map((one) => [
                one.id,
                one.resourceType,
                yesOrNo(one.required),
                yesOrNo(one.inUse),
                String(one.document.attributes.length),
              ]),
            ),
      )
    },
  ).requiredOption('--connection <id>', 'id of the connection')

  const show = serverCommand(
    'show',
    'show one schema',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection, urn: string) => {
      const found = await client.read(pathOf(connection, urn), schema)
      show(found, () => inFull(found))
    },
  )
    .argument('<urn>', 'its URN')
    .requiredOption('--connection <id>', 'id of the connection')

  const remove = serverCommand(
    'remove',
    'remove a schema that is not in use',
    world,
    version,
    async ({ client, show }, { connection }: OfConnection, urn: string) => {
      await client.write('DELETE', pathOf(connection, urn), removed)
      show({ removed: urn }, () => facts({ removed: urn }))
    },
  )
    .argument('<urn>', 'its URN')
    .requiredOption('--connection <id>', 'id of the connection')

  return [add, list, show, remove].reduce(
    (parent, command) => parent.addCommand(command),
    new Command('schemas').description('extension schemas of a connection'),
  )
}

function pathOf(connection: string, urn?: string): string {
  const all = `/connections/${encodeURIComponent(connection)}/schemas`
  return urn === undefined ? all : `${all}/${encodeURIComponent(urn)}`
}

/** The server judges the rest of it. */
const document = z.looseObject({ id: z.string() })

async function documentIn(path: string): Promise<z.infer<typeof document>> {
  const read = document.safeParse(await jsonIn(path))
  if (read.success) return read.data
  throw new Failure('usage', `${path} holds no Schema document: that is an object with an "id", its URN.`)
}

async function jsonIn(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'))
  } catch (error) {
    const cause = error instanceof SyntaxError ? 'it is no JSON' : (codeOf(error) ?? String(error))
    throw new Failure('usage', `${path} cannot be read (${cause}). Give the file of a SCIM Schema document.`)
  }
}

function inFull({ id, resourceType, required, inUse, document: { name, attributes } }: Schema): string {
  const head = facts({ schema: id, name, extends: resourceType, required: yesOrNo(required), 'in use': yesOrNo(inUse) })
  const rows = attributes.flatMap((attribute) => [
    rowOf(attribute.name, attribute),
    ...(attribute.subAttributes ?? []).map((sub) => rowOf(`${attribute.name}.${sub.name}`, sub)),
  ])
  return `${head}\n${table(['ATTRIBUTE', 'TYPE', 'MUTABILITY', 'RETURNED', 'BESIDES'], rows)}`
}

function rowOf(name: string, attribute: z.infer<typeof schemaAttribute>): string[] {
  const { type, mutability, returned, multiValued, required, caseExact } = attribute
  const besides = Object.entries({ multiValued, required, caseExact }).flatMap(([word, holds]) => (holds ? [word] : []))
  return [name, type, mutability, returned, besides.join(', ')]
}

function yesOrNo(holds: boolean): string {
  return holds ? 'yes' : 'no'
}
