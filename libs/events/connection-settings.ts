import { z } from 'zod'

/** What an operator may choose for one connection. */
const choices = {
  /** What a PATCH is answered with: 200 and the resource, or 204 (RFC 7644 section 3.5.2 leaves it open). */
  patchAnswer: z.enum(['resource', 'none']),
  /** `dry-run`: requests are answered as ever and change nothing. */
  mode: z.enum(['live', 'dry-run']),
  /** What becomes of a new user who is there already: 409, or the user that is there. */
  conflicts: z.enum(['reject', 'adopt']),
  /** By what a user that is there is recognized, in this order. */
  adoptBy: z
    .array(z.enum(['userName', 'emails', 'externalId']))
    .min(1)
    .refine((names) => new Set(names).size === names.length, 'names an attribute twice'),
  /** Whether many deactivations and deletions in a short time wait for a person; `auto`: in a live connection. */
  guard: z.enum(['auto', 'on', 'off']),
  /** So many of them pass in any case, and so many hundredths of the connection's users. */
  guardMost: z.int().min(1).max(1_000_000),
  guardPercent: z.int().min(0).max(100),
  /** In how long. */
  guardMinutes: z.int().min(1).max(10_080),
}

/** Whole, with what counts where nothing was chosen. */
export const connectionSettings = z.object({
  patchAnswer: choices.patchAnswer.default('resource'),
  mode: choices.mode.default('live'),
  conflicts: choices.conflicts.default('reject'),
  adoptBy: choices.adoptBy.default(['userName']),
  guard: choices.guard.default('auto'),
  guardMost: choices.guardMost.default(50),
  guardPercent: choices.guardPercent.default(10),
  guardMinutes: choices.guardMinutes.default(60),
})
export type ConnectionSettings = z.infer<typeof connectionSettings>

/** Some of them, to be set anew; a name that is none of theirs is a fault. */
export const connectionSettingsChange = z.strictObject(choices).partial()
export type ConnectionSettingsChange = z.infer<typeof connectionSettingsChange>

export const defaultSettings: ConnectionSettings = connectionSettings.parse({})
