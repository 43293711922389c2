/** A jest reporter that tells test.mjs how the run ended, so that its last line can say it. */
export default class CountTests {
  onRunComplete(_, { numPassedTests, numFailedTests, numRuntimeErrorTestSuites }) {
    process.send?.({ passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites })
  }
}
