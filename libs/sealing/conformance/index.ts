export { describeProvider, type ProviderHarness } from './provider.ts'
