import type { Logger } from '#libs/telemetry/index'

export interface AbsenceOptions {
  /** Name and address, without user or password: `Kafka at HOST:PORT`. */
  readonly server: string
  /** A sentence: what becomes of requests and events until it is back. */
  readonly meanwhile: string
  readonly logger: Logger
}

/** One server as this process finds it, told on the log: once when it goes, now and then while it stays away, once when it is back. */
export interface Absence {
  readonly isAway: boolean
  /** It does not answer. */
  away(): void
  /** What failed for want of it, told at debug; the last one is the reason in the next line. */
  failed(error: unknown): void
  /** It answers. */
  back(): void
  end(): void
}

/** Milliseconds; an absence that is over by then is told by its failures alone. */
const blip = 2_000
const tellEvery = 15_000

export function tellOfAbsence({ server, meanwhile, logger }: AbsenceOptions): Absence {
  let since: number | undefined
  let told = false
  let failures = 0
  let reason: unknown
  let timer: NodeJS.Timeout | undefined

  const seconds = (): number => Math.round((performance.now() - (since ?? performance.now())) / 1_000)
  const tell = (): void => {
    const line = told ? `${server} is still away. ${meanwhile}` : `${server} is away. ${meanwhile}`
    logger.warn({ seconds: seconds(), failures, ...(reason === undefined ? {} : { err: reason }) }, line)
    told = true
    timer = setTimeout(tell, tellEvery).unref()
  }

  return {
    get isAway() {
      return since !== undefined
    },
    away() {
      if (since !== undefined) return
      since = performance.now()
      failures = 0
      timer = setTimeout(tell, blip).unref()
    },
    failed(error) {
      reason = error
      failures++
      logger.debug({ err: error }, `${server} was needed`)
    },
    back() {
      clearTimeout(timer)
      if (told) logger.info({ seconds: seconds() }, `${server} is back`)
      since = undefined
      told = false
      failures = 0
      reason = undefined
    },
    end: () => clearTimeout(timer),
  }
}
