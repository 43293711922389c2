import { ofThresholds } from '#apps/audit/src/index'
import type { Configuration } from '#libs/configuration/index'
import { settings } from '#libs/program/index'

export const everything = { ...settings, LATCHKEY_DETECTIONS: ofThresholds(settings.LATCHKEY_DETECTIONS) }

/** Whoever starts all of it reads all there is. */
export type Everything = Configuration<typeof everything>
