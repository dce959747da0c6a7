import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testStack } from '../support/stack.ts';

/** The parts of a dashboard's JSON that hold its queries. */
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}
interface Variable {
  readonly name: string;
  readonly query: string;
  readonly regex: string;
  readonly allValue: string;
  readonly datasource: { readonly uid: string };
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly targets: readonly { readonly query: string; readonly alias?: string }[];
}
interface Series {
  readonly tags?: Readonly<Record<string, string>>;
  readonly values: readonly (readonly (string | number | null)[])[];
}

const folder = resolve(import.meta.dirname, '../../deploy/grafana');
const dashboards = readdirSync(join(folder, 'dashboards')).map((file): [string, Dashboard] => [
  file,
  JSON.parse(readFileSync(join(folder, 'dashboards', file), 'utf8')) as Dashboard,
]);

/** Time span of the queried measurements, ms. */
const FROM = Date.UTC(2026, 0, 1, 12);
const TO = FROM + 60_000;

const TESTS: Record<string, { names: string[]; statuses: string[] }> = {
  'coupon-spike': { names: ['POST /coupons/issue'], statuses: ['200', '409'] },
  'coupon-spike-async': { names: ['POST /coupons/issue'], statuses: ['202'] },
  'orders-mixed': { names: ['POST /orders', 'GET /products'], statuses: ['200', '202'] },
  'hot-product': { names: ['POST /orders'], statuses: ['201', '409'] },
  'popular-products': { names: ['GET /products/popular'], statuses: ['200'] },
};

/** The points of a run, with the tags and fields of k6's influxdb output. */
function points(test: string): string[] {
  const run = `test=${test},run=2026-01-01T12:00:00.000Z`;
  const inScenario = `${run},scenario=${test.replaceAll('-', '_')}`;
  const { names = [], statuses = [] } = TESTS[test] ?? {};
  const text = (value: string) => value.replaceAll(' ', '\\ ');
  return Array.from({ length: 30 }, (_, second) => second).flatMap((second) => {
    const at = `${FROM + second * 1_000}000000`;
    const requests = names.flatMap((name) =>
      statuses.flatMap((status) => {
        const tags = `${inScenario},name=${text(name)},method=${name.split(' ')[0]},status=${status},proto=HTTP/1.1,expected_response=true`;
        return [
          `http_reqs,${tags} value=1,url="${name}" ${at}`,
          `http_req_failed,${tags} value=0,url="${name}" ${at}`,
          `http_req_duration,${tags} value=${10 + second},url="${name}" ${at}`,
        ];
      }),
    );
    return [
      ...requests,
      `checks,${inScenario},check=${text(`right ${test}`)} value=1 ${at}`,
      `iterations,${inScenario} value=1 ${at}`,
      `dropped_iterations,${inScenario} value=1 ${at}`,
      // Points of the whole run, without a scenario.
      `vus,${run} value=5 ${at}`,
      `vus_max,${run} value=100 ${at}`,
      ...(test === 'hot-product'
        ? [`sold,${inScenario} value=1 ${at}`, `out_of_stock,${inScenario} value=2 ${at}`]
        : []),
    ];
  });
}

const part = testStack().part('influxdb');
const url = `http://127.0.0.1:${part.port}`;

async function ask(query: string): Promise<Series[]> {
  const answer = await fetch(`${url}/query?${new URLSearchParams({ db: 'k6', q: query })}`);
  const body = (await answer.json()) as { error?: string; results?: { error?: string; series?: Series[] }[] };
  const error = body.error ?? body.results?.find((result) => result.error)?.error;
  if (error) throw new Error(`${error}\n${query}`);
  return body.results?.flatMap(({ series = [] }) => series) ?? [];
}

/** Replaces variables as Grafana would: the chosen values, the time span, the interval. A leftover fails. */
function filled({ query }: { query: string }, values: Readonly<Record<string, string>>): string {
  const text = Object.entries({
    ...values,
    timeFilter: `time >= ${FROM}ms and time <= ${TO}ms`,
    __interval_ms: '1000',
    __interval: '1s',
  }).reduce((sum, [name, value]) => sum.replace(new RegExp(`\\$${name}\\b`, 'g'), () => value), query);
  // The remaining `$` ends a regular expression.
  if (!text.replaceAll('$/', '').includes('$')) return text;
  throw new Error(`a variable is not known: ${text}`);
}

beforeAll(async () => {
  // Fetched first if missing, like the other servers before the tests.
  await part.start();
  await ask('CREATE DATABASE k6');
  const lines = Object.keys(TESTS).flatMap(points);
  const answer = await fetch(`${url}/write?db=k6`, { method: 'POST', body: lines.join('\n') });
  if (!answer.ok) throw new Error(await answer.text());
}, 180_000);

afterAll(() => part.stop());

describe.each(dashboards)('%s', (_file, dashboard) => {
  const variables = dashboard.templating.list;
  const everything = Object.fromEntries(variables.map(({ name, allValue }) => [name, allValue]));
  const targets = dashboard.panels.flatMap(({ title, targets }) =>
    targets.map((target): [string, typeof target] => [title, target]),
  );
  /** The tests that the dashboard offers for choice. */
  const own = async (): Promise<string[]> => {
    const [variable] = variables.filter(({ name }) => name === 'test');
    if (!variable) throw new Error('there is no variable test');
    const found = (await ask(filled(variable, everything))).flatMap(({ values }) =>
      values.map(([, value]) => String(value)),
    );
    const pattern = new RegExp(variable.regex.replace(/^\/|\/$/g, ''));
    return found.filter((value) => pattern.test(value));
  };

  it.each(targets)(
    'when everything is chosen, then the query %s has rows, of the dashboard’s own tests only',
    async (_title, target) => {
      const series = await ask(filled(target, everything));
      expect(series.flatMap(({ values }) => values).length).toBeGreaterThan(0);
      expect(series.flatMap(({ values }) => values.flat()).filter((value) => value === null)).toEqual([]);
      const tests = series.flatMap(({ tags }) => tags?.test ?? []);
      expect((await own()).sort()).toEqual(expect.arrayContaining(tests));
      // A name in the legend must be a tag that the query groups by.
      const [, named] = /\$tag_(\w+)/.exec(target.alias ?? '') ?? [];
      if (named) expect(series.every(({ tags }) => tags?.[named])).toBe(true);
    },
  );

  it('when one test is chosen, as Grafana writes several, then it is shown alone', async () => {
    const tests = await own();
    const chosen = { ...everything, test: `(${tests[0]}|none)`, run: '2026-01-01T12:00:00\\.000Z' };
    const rate = targets.find(([title]) => title.startsWith('Requests a second'))?.[1];
    if (!rate) throw new Error('there is no panel of requests a second');
    const series = await ask(filled(rate, chosen));
    expect(series.length).toBeGreaterThan(0);
    expect(await ask(filled(rate, { ...chosen, run: 'another' }))).toEqual([]);
  });

  it('when a dashboard opens, then it offers its tests and their runs', async () => {
    const runs = variables.find(({ name }) => name === 'run');
    if (!runs) throw new Error('there is no variable run');
    expect((await own()).length).toBeGreaterThan(0);
    expect((await ask(filled(runs, everything))).flatMap(({ values }) => values).length).toBe(1);
  });

  it('when a dashboard queries, then it uses the provisioned data source, and its panels are numbered', () => {
    const source = readFileSync(join(folder, 'provisioning/datasources/influxdb.yaml'), 'utf8');
    const uids = [...dashboard.panels, ...variables].map(({ datasource }) => datasource.uid);
    expect(source).toContain(`uid: ${uids[0]}`);
    expect(new Set(uids).size).toBe(1);
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
  });
});
