/** Tests run on what ships: the compiled files in dist, as native ES modules. */
export default {
  roots: ['<rootDir>/dist'],
  testMatch: ['**/*.test.js'],
  transform: {},
  testEnvironment: 'node',
  maxWorkers: 2,
}
