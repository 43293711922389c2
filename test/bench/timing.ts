import { randomBytes } from 'node:crypto'

/** Two classes of input that must not be told apart by the time that they take. */
export interface Comparison<Input> {
  readonly what: string
  /** Of both classes together. */
  readonly samples: number
  /** An input of each class, made before the clock runs. */
  readonly classes: readonly [one: () => Input, other: () => Input]
  readonly run: (input: Input) => unknown
  /** The answer itself says of which class the input was: the time betrays nothing more. */
  readonly isAnswered?: boolean
}

export interface Compared {
  readonly what: string
  /** Samples of both classes, without the slowest. */
  readonly n: number
  /** Welch's t. */
  readonly t: number
  /** What the first class takes longer than the second, in nanoseconds. */
  readonly difference: number
  readonly isTold: boolean
  readonly isAnswered: boolean
}

/** Beyond it two classes differ: by chance they do in one of 100,000 measurements (ISO/IEC 17825). */
export const threshold = 4.5
/** The slowest are left out: what interrupted them tells nothing of the input. */
const kept = 0.9
const warmUp = 5_000

/**
 * Whether the time of a run tells the class of its input: as dudect does it (Reparaz, Balasch, Verbauwhede 2017), by runs of both classes in an order at
 * random, of which the slowest tenth is left out, and Welch's t-test over the rest.
 */
export async function compare<Input>({
  what,
  samples,
  classes,
  run,
  isAnswered = false,
}: Comparison<Input>): Promise<Compared> {
  const times: readonly [number[], number[]] = [[], []]
  for (let number = -warmUp, coins = randomBytes(0); number < samples; number++) {
    if ((number & 4_095) === 0 || coins.length === 0) coins = randomBytes(4_096)
    const side = ((coins[number & 4_095] ?? 0) & 1) === 0 ? 0 : 1
    const input = classes[side]()
    const began = performance.now()
    const running = run(input)
    if (running instanceof Promise) await running
    const time = (performance.now() - began) * 1e6
    if (number >= 0) times[side].push(time)
  }
  const sorted = Float64Array.from([...times[0], ...times[1]]).sort()
  const limit = sorted[Math.floor(sorted.length * kept)] ?? 0
  const [one, other] = [momentsOf(times[0], limit), momentsOf(times[1], limit)]
  const difference = one.mean - other.mean
  const t = difference / Math.sqrt(one.variance / one.count + other.variance / other.count)
  return { what, n: one.count + other.count, t, difference, isTold: Math.abs(t) > threshold, isAnswered }
}

interface Moments {
  readonly count: number
  readonly mean: number
  readonly variance: number
}

/** Of the times below the limit. */
function momentsOf(times: readonly number[], limit: number): Moments {
  const below = times.filter((time) => time < limit)
  const mean = below.reduce((sum, time) => sum + time, 0) / below.length
  const variance = below.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (below.length - 1)
  return { count: below.length, mean, variance }
}
