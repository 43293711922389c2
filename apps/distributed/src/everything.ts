import type { Configuration } from '#libs/configuration/index'
import type { settings } from '#libs/program/index'

/** Whoever starts all of it reads all there is. */
export type Everything = Configuration<typeof settings>
