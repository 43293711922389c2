export { describeChannel, type Ends } from './channel.ts'
export { describeNonces, type NoncesHarness } from './nonces.ts'
export { until } from './until.ts'
