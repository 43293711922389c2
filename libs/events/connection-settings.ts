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
}

/** Whole, with what counts where nothing was chosen. */
export const connectionSettings = z.object({
  patchAnswer: choices.patchAnswer.default('resource'),
  mode: choices.mode.default('live'),
  conflicts: choices.conflicts.default('reject'),
  adoptBy: choices.adoptBy.default(['userName']),
})
export type ConnectionSettings = z.infer<typeof connectionSettings>

/** Some of them, to be set anew; a name that is none of theirs is a fault. */
export const connectionSettingsChange = z.strictObject(choices).partial()
export type ConnectionSettingsChange = z.infer<typeof connectionSettingsChange>

export const defaultSettings: ConnectionSettings = connectionSettings.parse({})
