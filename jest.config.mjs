/** Tests run on what ships: the compiled files in dist, as native ES modules. */
const compiled = {
  roots: ['<rootDir>/dist'],
  transform: {},
  testEnvironment: 'node',
}

/** The files of this name, with the servers that test/servers/setup-NAME.ts starts for them once a run. */
const served = (name, servers = name) => ({
  ...compiled,
  displayName: name,
  testMatch: [`**/*.${name}.test.js`],
  globalSetup: `<rootDir>/dist/test/servers/setup-${servers}.js`,
  globalTeardown: '<rootDir>/dist/test/servers/teardown.js',
})

/** The same journeys in each shape. */
const journeys = (shape) => ({
  ...served('journey', shape),
  displayName: shape,
  globals: { latchkeyShape: shape },
})

export default {
  maxWorkers: 3,
  testSequencer: '<rootDir>/scripts/servers-first.mjs',
  testTimeout: 120_000,
  coverageProvider: 'v8',
  reporters: ['default', '<rootDir>/scripts/count-tests.mjs'],
  projects: [
    {
      ...compiled,
      displayName: 'plain',
      testMatch: ['**/*.test.js'],
      testPathIgnorePatterns: ['\\.(postgres|redis|kafka|journey)\\.test\\.js$'],
    },
    served('postgres'),
    served('redis'),
    served('kafka'),
    journeys('standalone'),
    journeys('distributed'),
  ],
}
