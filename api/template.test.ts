import { existsSync, globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { ALL_SERVICE_NAMES, folderOf, type ServiceName } from '../services/services.ts';

/** The files of every service. */
const TEMPLATE = [
  'README.md',
  'package.json',
  'prisma/schema.prisma',
  'src/config.ts',
  'src/domain/batch.ts',
  'src/http/operations.ts',
  'src/http/routes.ts',
  'src/main.ts',
  'src/messaging/subscriptions.ts',
  'src/usecases/ports.ts',
  'test/examples.ts',
  'test/service.test.ts',
];

/** Files that a service has any number of, named by their subject. */
const OPEN = [
  /^prisma\/migrations\//,
  /^src\/domain\/[a-z-]+\.ts$/,
  /^src\/usecases\/[a-z-]+\.ts$/,
  // The stores write, the reads read.
  /^src\/db\/[a-z]+(-[a-z]+)*-(store|reads)\.ts$/,
  // What its rows tell of the events that it published, where it publishes some that others hear.
  /^src\/db\/published-rows\.ts$/,
  // Schemas that its operations and its routes share, where they are more than `userQuery`.
  /^src\/http\/schemas\.ts$/,
  // The codes of its own refusals, where it has some.
  /^src\/problems\.ts$/,
  /\.test\.ts$/,
];

/** The differences of a service, with reasons: the parts it lacks, and additional parts (a file or a folder). */
const DIFFERENCES: Readonly<Partial<Record<ServiceName, { readonly lacks?: Reasons; readonly adds?: Reasons }>>> = {
  order: {
    adds: {
      'src/db/history-rows.ts': 'the steps of orders, which both stores add',
      'src/db/new-orders.ts': 'where an order begins, apart from what becomes of it',
      'src/db/order-rows.ts': 'the row of an order, which the store and the reads share',
      'src/delivery/': 'the one call to a party outside the shop: its client, its breaker and its wiring',
      'src/http/answer.ts': 'the answers to a client whose order was placed, at once or at its end',
      'src/http/wait.ts': 'shared by the routes and the answers: how long a client waits',
      'src/http/measures.ts': 'requests that wait and streams that are open are measured where they end',
      'src/http/order-stream.ts': 'the one route that is a stream',
      'src/http/order-id.ts': 'shared by the routes and the stream',
      'src/messaging/readiness.ts': 'the one service that refuses requests until it can publish and consume events',
    },
  },
  catalog: {
    adds: {
      'src/http/shown-products.ts': 'answers that are the same for all clients, rendered once for many',
    },
  },
  coupon: {
    adds: {
      'src/db/discount-columns.ts': 'maps a coupon’s value to columns, for policies, coupons and redemptions',
      'src/db/door-commands.ts': 'Redis is not SQL: the commands of the door',
      'src/db/door-guard.ts': 'Redis is not SQL: the door’s pauses while Redis is away',
      'src/db/door-scripts.ts': 'Redis is not SQL: the scripts of the door',
      'src/db/door.ts': 'Redis is not SQL: the door',
      'src/db/housekeeping.ts': 'jobs that are one statement, repeated',
      'src/http/discount.ts': 'maps a coupon’s value to bodies and answers',
      'src/http/measures.ts': 'answers are counted by the way they were found',
      'src/http/operator-routes.ts': 'a part of routes.ts: for operators',
      'src/http/policy-routes.ts': 'a part of routes.ts: policies, which operators create and all clients may read',
      'src/http/shown-policies.ts': 'answers that are the same for all clients, rendered once for many',
      'src/http/user-routes.ts': 'a part of routes.ts: for users',
      'src/http/views.ts': 'answers that several routes give',
    },
  },
  ranking: {
    lacks: {
      'src/domain/batch.ts': 'it decides nothing: sales.ts adds up',
    },
    adds: {
      'src/db/board-scripts.ts': 'Redis is not SQL: the scripts of the sorted sets',
      'src/db/board.ts': 'Redis is not SQL: the sorted sets',
    },
  },
};

type Reasons = Readonly<Record<string, string>>;

const HEADINGS = ['What it owns', 'Events in and out', 'HTTP', 'Invariants', 'How to run and test'];

describe.each(ALL_SERVICE_NAMES)('%s', (name) => {
  const root = new URL(`../${folderOf(name)}/`, import.meta.url).pathname;
  const text = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
  const files = globSync('**/*', { cwd: root, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath}/${entry.name}`.replace(root.replace(/\/$/, ''), '').replace(/^\//, ''))
    .filter((path) => !/(^|\/)(node_modules|generated)\//.test(path));
  const { lacks = {}, adds = {} } = DIFFERENCES[name] ?? {};

  it('when a part of the template is missing, then a reason is given', () => {
    expect(TEMPLATE.filter((path) => !existsSync(`${root}${path}`)).sort()).toEqual(Object.keys(lacks).sort());
  });

  it('when a part is added to the template, then a reason is given', () => {
    const beyond = files.filter((path) => !TEMPLATE.includes(path) && !OPEN.some((pattern) => pattern.test(path)));
    const named = (path: string) =>
      Object.keys(adds).find((it) => path === it || (it.endsWith('/') && path.startsWith(it)));
    expect([...new Set(beyond.map((path) => named(path) ?? `${path}: why?`))].sort()).toEqual(Object.keys(adds).sort());
  });

  it('when a service has a README, then it has the same five headings', () => {
    const headings = [...text('README.md').matchAll(/^## (.+)$/gm)].map(([, heading]) => heading);
    expect(headings).toEqual(HEADINGS);
  });

  it('when main.ts starts a service, then it only wires, in one order', () => {
    const main = text('src/main.ts').replace(/^\s*\/\/.*$/gm, '');
    expect(main.match(/\b(if|for|while|switch|try) *[({]|\?\?=? |&& | \? /g) ?? []).toEqual([]);
    const order = ['loadConfig(', 'openDatabase(', 'recoverWhenAsked(', 'createMessaging(', 'listen('];
    const places = order.map((call) => main.lastIndexOf(call)).filter((place) => place >= 0);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
  });

  it('when main.ts makes batchers, then they are stopped before the database closes', () => {
    const main = text('src/main.ts');
    const made = [...main.matchAll(/^const (.+) = createBatched\w+\(/gm)].map(([, into]) => into ?? '');
    const stopped = made.filter((into) => new RegExp(`onStop\\('\\w+', \\(\\) => ${into}\\.stop\\(\\)\\)`).test(main));
    expect(stopped).toEqual(made);
  });

  it('when a name is given, then the time is `now`, and no factory has two verbs', () => {
    const programs = files.filter((path) => path.startsWith('src/') && path.endsWith('.ts'));
    const odd = programs.flatMap((path) => text(path).match(/\bclock\??: |\bclock\(\)|\bcreateCreate\w+/g) ?? []);
    expect(odd).toEqual([]);
  });
});

it('when the example is counted, then the guide says of how many files of its own a service is', () => {
  const example = new URL('../examples/shipping/', import.meta.url).pathname;
  const own = globSync('**/*', { cwd: example, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !/\/(node_modules|generated)(\/|$)/.test(entry.parentPath),
  );
  // A service that is made today has the tables of all migrations in its first.
  const later = own.filter(({ parentPath }) => /\/migrations\/(?!.*_init$)/.test(parentPath));
  const guide = readFileSync(new URL('../docs/guides/add-a-service.md', import.meta.url), 'utf8');
  expect(guide).toContain(`It is ${own.length - later.length} files of its own`);
});
