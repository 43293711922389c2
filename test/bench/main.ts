import { type Asked, readAsked } from './asked.ts'
import { measureFlood } from './floods.ts'
import { measureGrowth } from './growth.ts'
import { measureInProcess } from './in-process.ts'
import { machine } from './processes.ts'
import { measureRevocation } from './revocations.ts'
import { measureSpeed } from './speed.ts'

/** What can be measured, told as it is found out; what comes of it is an object for --json. */
type Measure = (asked: Asked) => Promise<object>

const asked = readAsked()
const { options } = asked
/** The first whose options are given; without any, all that tells of speed. */
const measures: readonly (readonly [isAsked: boolean, measures: readonly Measure[]])[] = [
  [options.users !== undefined || options.members !== undefined, [measureGrowth]],
  [options.revocation, [measureRevocation]],
  [options.flood, [measureFlood]],
  [options['in-process'], [measureInProcess]],
  [true, [measureInProcess, measureSpeed]],
]

asked.say(machine())
const found: object[] = [{ machine: machine() }]
for (const measure of measures.find(([isAsked]) => isAsked)?.[1] ?? []) found.push(await measure(asked))
if (options.json) process.stdout.write(`${JSON.stringify(Object.assign({}, ...found), undefined, 2)}\n`)
