import { errors, ScimError } from '#libs/scim/index'
import type { Written } from '../record-store.ts'
import type { Job } from './job.ts'

type Outcomes = ReadonlyMap<Job, Written | ScimError>

/** Undoes the transaction of jobs that are written all or none, one of which was refused. */
export class TornApart extends Error {
  override readonly name = 'TornApart'
  readonly #outcomes: Outcomes

  constructor(outcomes: Outcomes) {
    super('one of several writes that belong together was refused')
    this.#outcomes = outcomes
  }

  /** What was wrong with the job, or that something was wrong with another. */
  errorOf(job: Job): ScimError {
    const outcome = this.#outcomes.get(job)
    return outcome instanceof ScimError ? outcome : errors.brokenCircle([])
  }
}

/** To be called within the transaction. Throws TornApart when one was refused. */
export function holdTogether(outcomes: Outcomes): void {
  for (const outcome of outcomes.values()) if (outcome instanceof ScimError) throw new TornApart(outcomes)
}
