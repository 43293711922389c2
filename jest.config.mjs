/** Tests run on what ships: the compiled files in dist, as native ES modules. */
const compiled = {
  roots: ['<rootDir>/dist'],
  transform: {},
  testEnvironment: 'node',
}

export default {
  maxWorkers: 2,
  testTimeout: 30_000,
  coverageProvider: 'v8',
  reporters: ['default', '<rootDir>/scripts/count-tests.mjs'],
  projects: [
    {
      ...compiled,
      displayName: 'plain',
      testMatch: ['**/*.test.js'],
      testPathIgnorePatterns: ['\\.postgres\\.test\\.js$'],
    },
    {
      ...compiled,
      displayName: 'postgres',
      testMatch: ['**/*.postgres.test.js'],
      globalSetup: '<rootDir>/dist/test/servers/setup.js',
      globalTeardown: '<rootDir>/dist/test/servers/teardown.js',
    },
  ],
}
