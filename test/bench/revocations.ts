import type { Asked } from './asked.ts'
import { conditions } from './conditions.ts'
import { withGateways } from './gateways.ts'
import { measureRevocations, type Revocations, type Until } from './revocation.ts'

/** How soon every gateway refuses a key that was revoked through the keys service, under each condition. */
export async function measureRevocation(asked: Asked): Promise<{ revocations: Revocations[] }> {
  const gateways = asked.number('gateways', 4)
  const wanted = conditions.filter(({ name }) => name.includes(asked.options.only ?? ''))
  return withGateways(gateways, async (running) => {
    asked.say(heading(gateways))
    const revocations: Revocations[] = []
    for (const condition of wanted) {
      const rounds = asked.number('rounds', condition.rounds)
      const measured = await measureRevocations(running, { ...condition, rounds })
      revocations.push(measured)
      asked.say(line(measured))
    }
    return { revocations }
  })
}

const nameWidth = 36
const width = 10

/** The table's head: milliseconds until the last gateway refused the key, from sending the revocation and from its answer. */
function heading(gateways: number): string {
  const names = ['keys', 'sent p50', 'p99', 'max', 'answer p50', 'p99', 'max', 'stale', 'late']
  const title = `${gateways} gateways, ms to the last refusal`
  return `\n${title.padEnd(nameWidth)}${names.map((name) => name.padStart(width + 1)).join('')}  refused by`
}

function line({ condition, keys, fromSending, fromAnswer, stale, late, statuses }: Revocations): string {
  const figures = ({ p50, p99, max }: Until): string[] => [p50, p99, max].map((value) => value.toFixed(0))
  const cells = [keys, ...figures(fromSending), ...figures(fromAnswer), stale, late]
  const refusals = Object.entries(statuses).map(([status, count]) => `${status} (${count})`)
  return `${condition.padEnd(nameWidth)}${cells.map((cell) => String(cell).padStart(width + 1)).join('')}  ${refusals.join(', ')}`
}
