// Rules of which folder may import which. Type-only imports count too: a type in the wrong direction is a dependency.
const own = (folders) => `^(?:services|examples)/([^/]+)/src/(${folders})/`;
const same = (folders) => `^(?:services|examples)/$1/src/(${folders})(/|\\.ts$)`;

module.exports = {
  forbidden: [
    {
      name: 'services-never-import-each-other',
      comment: 'Services meet on Kafka only; what they share is libs/events and libs/chassis.',
      severity: 'error',
      from: { path: '^(?:services|examples)/([^/]+)/' },
      to: { path: '^(services|examples)/', pathNot: ['^(?:services|examples)/$1/', '^services/services\\.ts$'] },
    },
    {
      name: 'operations-are-described-for-documents-only',
      comment:
        'What describes operations is read by the generator of documents and by tests; a running service loads none of it.',
      severity: 'error',
      from: { pathNot: '^(api|test)/' },
      to: { path: '^((services|examples)/[^/]+/src/(http/)?|ops-console/)operations\\.ts$' },
    },
    {
      name: 'libs-know-no-service',
      severity: 'error',
      from: { path: '^libs/[^/]+/src/' },
      to: { path: '^(services|examples|ops|ops-console|storefront|bench|k6|api|fuzz|deploy|test)/' },
    },
    {
      name: 'chassis-stands-below-events',
      severity: 'error',
      from: { path: '^libs/chassis/' },
      to: { path: '^libs/events/' },
    },
    {
      name: 'rooms-have-one-door',
      comment: "A library's folder is entered by its index.ts: that file says what the others may use.",
      severity: 'error',
      from: { path: '^libs/([^/]+)/src/([^/]+)/', pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: '^libs/$1/src/[^/]+/', pathNot: ['^libs/$1/src/$2/', '/index\\.ts$'] },
    },
    {
      name: 'rooms-have-one-door-from-outside',
      comment: 'The same for what stands in no room.',
      severity: 'error',
      from: { path: '^libs/[^/]+/src/[^/]+\\.ts$', pathNot: '\\.test\\.ts$' },
      to: { path: '^libs/[^/]+/src/[^/]+/', pathNot: ['/index\\.ts$', '/generated/'] },
    },
    {
      name: 'domain-is-pure',
      comment: 'Decisions know neither what calls them nor Express, Prisma, Kafka, a logger or the machine.',
      severity: 'error',
      from: { path: own('domain'), pathNot: '\\.test\\.ts$' },
      to: { pathNot: [same('domain'), '^libs/events/src/', '^libs/chassis/src/unreachable\\.ts$'] },
    },
    {
      name: 'usecases-stand-on-domain',
      comment: 'A use case does not know how it is called (http, messaging) nor how the service is put together.',
      severity: 'error',
      from: { path: own('usecases') },
      to: { path: same('http|messaging|db|delivery|main|app') },
    },
    {
      name: 'db-does-not-know-its-callers',
      severity: 'error',
      from: { path: own('db') },
      to: { path: same('http|messaging|main|app') },
    },
    {
      name: 'http-and-messaging-apart',
      severity: 'error',
      from: { path: own('http|messaging') },
      to: {
        path: '^(services|examples)/[^/]+/src/(http|messaging|main|app)(/|\\.ts$)',
        pathNot: '^(?:services|examples)/$1/src/$2/',
      },
    },
    {
      name: 'callers-do-not-know-the-database',
      comment: 'What is read and written is said by ports in usecases; main.ts puts the two together.',
      severity: 'error',
      from: { path: own('http|messaging') },
      to: { path: same('db') },
    },
    {
      name: 'nothing-imports-main',
      severity: 'error',
      from: { path: '^(services|examples)/' },
      to: { path: '^(services|examples)/[^/]+/src/main\\.ts$' },
    },
    {
      name: 'programs-know-no-documents',
      comment: 'api/ alone may import from every service, since it runs in none.',
      severity: 'error',
      from: { path: '^(services|examples|ops|ops-console|storefront|bench|k6|deploy)/' },
      to: { path: '^api/' },
    },
    {
      name: 'kafkajs-behind-its-adapter',
      comment: 'One folder knows the Kafka client and its faults.',
      severity: 'error',
      from: { pathNot: '^libs/events/src/kafka/' },
      to: { path: '(^|/)node_modules/kafkajs(/|$)|^kafkajs$' },
    },
    {
      name: 'no-tests-in-programs',
      severity: 'error',
      from: { path: '^(services|examples|libs|ops)/[^/]+/src/', pathNot: '\\.test\\.ts$|/testing/' },
      to: { path: '\\.test\\.ts$|^test/' },
    },
    {
      name: 'no-circles',
      comment: 'Types included: two files that need each other are one file, or lack a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'nothing-unresolved',
      severity: 'error',
      from: {},
      // k6 provides the modules of its scripts.
      to: { couldNotResolve: true, pathNot: '/db/generated/|^k6(/|$)' },
    },
  ],
  options: {
    // TypeScript 7 has no programmatic interface; swc reads the syntax.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '/db/generated/' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
