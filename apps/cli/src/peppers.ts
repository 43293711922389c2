import type { Command } from 'commander'
import { type Pepper, peppers as answered } from './answers.ts'
import { serverCommand, type World } from './command.ts'
import { printable, table } from './words.ts'

/** Which pepper may be left out, and what keeps the others needed. */
export function peppersCommand(world: World, version: string): Command {
  return serverCommand(
    'peppers',
    'how many keys and admin tokens need each version of the peppers',
    world,
    version,
    async ({ client, show }) => {
      const { items: peppers } = await client.read('/peppers', answered)
      show(peppers, () =>
        [
          table(
            ['PEPPER', 'STATE', 'KEYS', 'TOKENS'],
            peppers.map((one) => [String(one.version), stateOf(one), String(one.keys), String(one.tokens)]),
          ),
          ...peppers.filter(isOlder).map(advice),
        ].join(''),
      )
    },
  )
}

function isOlder({ isCurrent, isHeld }: Pepper): boolean {
  return isHeld && !isCurrent
}

function stateOf({ isCurrent, isHeld, keys, tokens }: Pepper): string {
  if (isCurrent) return 'current'
  if (!isHeld) return 'left out'
  return keys + tokens > 0 ? 'needed' : 'not needed'
}

function advice({ version, keys, kids, tokens }: Pepper): string {
  if (keys + tokens === 0) return `Pepper ${version} may be left out.\n`
  const some = `${kids.join(', ')}${kids.length < keys ? ' and others' : ''}`
  return [
    ...(keys === 0
      ? []
      : [
          `Pepper ${version} is needed until these keys are used, or revoked: ${printable(some)} (latchkey keys show KID)\n`,
        ]),
    ...(tokens === 0
      ? []
      : [
          `Pepper ${version} is needed until its tokens are used at the keys service, or revoked (latchkey tokens list)\n`,
        ]),
  ].join('')
}
