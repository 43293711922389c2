/**
 * The environment, parsed once at start into a frozen object; every fault is reported, not only the first.
 * This room knows no framework and no service: each program declares the variables it reads.
 */
export { required, setting, type Setting } from './settings.ts'
export { readEnvironment, describe, type Settings, type Configuration, type SettingDescription } from './environment.ts'
export { ConfigurationError, type Fault, Unfit } from './faults.ts'
export { parseDuration } from './duration.ts'
