// Six kinds of tests, by where they stand:
//   unit         beside the code, pure, no servers
//   simulation   test/simulation, the whole saga in memory
//   integration  services/*/test, libs/*/test, deploy/local/test, test/integration, on real servers
//   examples     examples/*/test, test/examples, on real servers, of a shop with the example services
//   faults       test/faults, on real servers and processes, which they kill
//   browser      test/browser, the storefront in Chromium, on real servers
// `npm test` runs all and brings the servers; see deploy/local/commands/test.ts.

const project = {
  // Node loads the tests, as it loads the services: see these files.
  testEnvironment: '<rootDir>/test/runner/environment.ts',
  runtime: `${import.meta.dirname}/test/runner/runtime.ts`,
  transform: {},
  setupFilesAfterEnv: ['<rootDir>/test/support/hygiene.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.local/'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/.local/'],
  watchPathIgnorePatterns: ['<rootDir>/.local/'],
};

const named = (displayName, testMatch) => ({
  ...project,
  displayName,
  testMatch: testMatch.map((glob) => `<rootDir>/${glob}/**/*.test.ts`),
});

export default {
  projects: [
    {
      ...named('unit', [
        'libs/*/src',
        'services/*/src',
        'examples/*/src',
        'ops',
        'ops-console',
        'storefront',
        'deploy',
        'bench',
        'k6',
        'api',
        'test/judge',
        'test/mistakes',
      ]),
      testPathIgnorePatterns: [...project.testPathIgnorePatterns, '<rootDir>/deploy/local/test/'],
    },
    named('simulation', ['test/simulation']),
    named('integration', ['libs/*/test', 'services/*/test', 'deploy/local/test', 'test/integration']),
    named('examples', ['examples/*/test', 'test/examples']),
    {
      ...named('faults', ['test/faults']),
      // Set by `npm test` (deploy/local/commands/test.ts): what `npm run drills` runs.
      testPathIgnorePatterns: [
        ...project.testPathIgnorePatterns,
        ...(process.env.SHOP_LEAVE_OUT ?? '').split(' ').filter(Boolean),
      ],
    },
    named('browser', ['test/browser']),
  ],
  testSequencer: '<rootDir>/test/runner/sequencer.ts',
  globalTeardown: '<rootDir>/test/runner/sharing.ts',
  // A rejection unhandled by the end of a test's turn fails that test.
  waitForUnhandledRejections: true,
  // Ends a test that hangs; five seconds would also end many that only share a busy machine.
  testTimeout: 60_000,
  verbose: false,
};
