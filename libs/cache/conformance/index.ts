export { describeChannel, type Ends } from './channel.ts'
export { describeCounters, type CountersHarness } from './counters.ts'
export { until } from './until.ts'
