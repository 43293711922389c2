export { describeChannel, type Ends } from './channel.ts'
export { describeNonces, Keeper, type NoncesHarness } from './nonces.ts'
export { until } from './until.ts'
