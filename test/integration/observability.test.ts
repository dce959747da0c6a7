import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseYaml } from '@redocly/openapi-core';
import { watchLinks } from '../../deploy/local/observe.ts';
import { readDashboards } from '../../deploy/local/parts/prometheus.ts';
import { root } from '../../deploy/local/paths.ts';
import { untilIdle } from '../support/audit.ts';
import { eventually } from '../support/eventually.ts';
import { type System, startSystem } from '../support/system.ts';
import { sellAndRefuse, startWatcher, type Watcher } from '../support/watcher.ts';

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
}
const rules = ['recording.yml', 'alerts.yml'].flatMap((file) => {
  const text = readFileSync(join(root, 'deploy/observability/rules', file), 'utf8');
  return (parseYaml(text) as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
});
const dashboards = readDashboards();

/** Every expression that somebody relies on, with where it stands. */
const EXPRESSIONS: [string, string][] = [
  ...rules.map(({ record, alert, expr }): [string, string] => [`rule ${record ?? alert}`, expr]),
  ...dashboards.flatMap(({ uid, panels, annotations }) => [
    ...annotations.list.map(({ expr }): [string, string] => [`annotations of ${uid}`, expr]),
    ...panels.flatMap(({ title, targets }) =>
      targets.map(({ expr }, n): [string, string] => [`${uid}: ${title} ${n + 1}`, expr]),
    ),
  ]),
];

const WORDS = new Set(
  'and or unless by without on ignoring group_left group_right offset bool sum max min count avg rate increase changes deriv abs absent time vector histogram_quantile min_over_time max_over_time'.split(
    ' ',
  ),
);

/** The measures that an expression names. */
function measuresOf(expr: string): string[] {
  const bare = expr
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\[[^\]]*\]/g, '')
    .replaceAll(/\b\d[\w.]*/g, '')
    .replaceAll(/\b(by|without|on|ignoring|group_left|group_right) ?\([^)]*\)/g, '');
  return [...new Set(bare.match(/[a-zA-Z_][\w:]*/g) ?? [])].filter((word) => !WORDS.has(word));
}

/** The labels that it groups by, matches and joins on. */
function labelsOf(expr: string): string[] {
  const grouped = [...expr.matchAll(/\b(?:by|on) ?\(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(','));
  const matched = [...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, name = '']) => name);
  return [...new Set([...grouped, ...matched].map((name) => name.trim()).filter((name) => name && name !== 'le'))];
}

/** Scrapes come every few seconds, on a busy machine later. */
const PATIENCE = { withinMs: 60_000 };

let system: System;
let watcher: Watcher;
let url: string;

/** What Prometheus answers; rejects with its words when it refuses a query. */
async function ask<T>(path: string, query: Record<string, string> = {}): Promise<T> {
  const answer = await fetch(`${url}/api/v1/${path}?${new URLSearchParams(query)}`);
  const body = (await answer.json()) as { status: string; error?: string; data: T };
  if (body.status !== 'success') throw new Error(`${body.error}: ${query.query ?? path}`);
  return body.data;
}
interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: [number, string];
}
const query = async (expr: string): Promise<Sample[]> =>
  (await ask<{ result: Sample[] }>('query', { query: expr })).result;

beforeAll(async () => {
  // Only a process that sends spans measures them; here nobody takes them.
  system = await startSystem({ env: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' } });
  watcher = await startWatcher(system.stack);
  url = watcher.url;
}, 180_000);

afterAll(async () => {
  await watcher?.stop();
  await system?.stop();
}, 60_000);

describe('a running shop that is watched', () => {
  it('when it has sold and refused, then every target is up, every rule is evaluated, and nobody is woken', async () => {
    await sellAndRefuse(system);
    await untilIdle(system);
    // It audits when it starts: an audit before the sale finds nothing to check, and the next is ten minutes later.
    await system.start('ops-console', 1, { AUDIT_EVERY_MINUTES: '10' });
    await eventually(
      'all targets to be up',
      async () => {
        const { activeTargets } = await ask<{ activeTargets: { health: string }[] }>('targets');
        return activeTargets.length === 7 && activeTargets.every(({ health }) => health === 'up');
      },
      PATIENCE,
    );
    await eventually(
      'all rules to be evaluated',
      async () => {
        const { groups } = await ask<{ groups: { rules: { health: string; lastError?: string }[] }[] }>('rules');
        const all = groups.flatMap((group) => group.rules);
        expect(all.filter(({ lastError }) => lastError)).toEqual([]);
        return all.length === rules.length && all.every(({ health }) => health === 'ok');
      },
      PATIENCE,
    );
    await eventually(
      'orders to be seen',
      async () => {
        const [completed] = await query('sum(orders_ended_total{status="COMPLETED"})');
        return Number(completed?.value[1]) >= 3;
      },
      PATIENCE,
    );
    await eventually(
      'an audit that holds',
      async () => {
        const [made] = await query('sum(audit_runs_total{result="holds"})');
        return Number(made?.value[1]) >= 1;
      },
      PATIENCE,
    );
    expect(await query('ALERTS{severity="page", alertstate="firing"}')).toEqual([]);
  }, 240_000);

  it.each(EXPRESSIONS)(
    'when %s is asked for, then Prometheus answers, and all that it names is there',
    async (_, expr) => {
      await query(expr);
      const named = measuresOf(expr);
      const known = await knownMeasures();
      expect(named.filter((name) => !known.has(name))).toEqual([]);
      const labels = await Promise.all(named.map((name) => ask<string[]>('labels', { 'match[]': name })));
      // A measure that has not happened yet has no labels to compare with.
      if (labels.some((of) => of.length === 0)) return;
      const all = new Set(labels.flat());
      expect(labelsOf(expr).filter((label) => !all.has(label))).toEqual([]);
    },
  );

  it('when a measure does not exist, then it is found', async () => {
    const known = await knownMeasures();
    expect(measuresOf('max by (group) (events_halted_partitions{a="b"}) > 3')).toEqual(['events_halted_partitions']);
    expect(known.has('events_halted_partitions')).toBe(false);
    expect(labelsOf('sum by (a, b) (rate(x_total{c=~"d|e", f!="g"}[5m]))')).toEqual(['a', 'b', 'c', 'f']);
  });

  it('when a service is killed, then the alert of its absence is pending within a scrape or two', async () => {
    await system.process('ranking').kill9();
    await eventually(
      'ServiceAway',
      async () => {
        const pending = await query('ALERTS{alertname="ServiceAway"}');
        return pending.map(({ metric }) => metric.service).join() === 'ranking';
      },
      PATIENCE,
    );
    await system.start('ranking');
    await eventually(
      'no ServiceAway',
      async () => (await query('ALERTS{alertname="ServiceAway"}')).length === 0,
      PATIENCE,
    );
  }, 180_000);
});

describe('dashboards over Prometheus', () => {
  it.each(dashboards)(
    'when $title is opened, then its panels use the provisioned source and are numbered',
    (dashboard) => {
      const source = readFileSync(join(root, 'deploy/grafana/provisioning/datasources/prometheus.yaml'), 'utf8');
      const uids = dashboard.panels.flatMap(({ datasource, targets }) => [
        datasource.uid,
        ...targets.map((target) => target.datasource.uid),
      ]);
      expect([...new Set(uids)]).toEqual(['shop-prometheus']);
      expect(source).toContain('uid: shop-prometheus');
      expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    },
  );

  it('when there is no Grafana, then Prometheus shows them, and its own pages, under the links that are printed', async () => {
    expect(dashboards.map(({ title }) => title)).toEqual(["An order's flow", 'Queues and lag', 'Money and invariants']);
    const links = [...watchLinks(url).matchAll(/http\S+/g)].map(([link]) => link);
    expect(links).toHaveLength(4);
    for (const link of [...links, `${url}/user/page.js`, `${url}/user/draw.js`])
      expect([link, (await fetch(link)).status]).toEqual([link, 200]);
    expect(await (await fetch(`${url}/user/dashboards.json`)).json()).toEqual(dashboards);
  });
});

let known: Promise<Set<string>> | undefined;
function knownMeasures(): Promise<Set<string>> {
  known ??= readKnownMeasures();
  return known;
}

/** Names of measures that processes tell, even those that have no values yet, and of recorded ones. */
async function readKnownMeasures(): Promise<Set<string>> {
  const told = Object.keys(await ask<Record<string, unknown>>('metadata'));
  return new Set([
    ...told.flatMap((name) => [name, `${name}_bucket`, `${name}_count`, `${name}_sum`]),
    ...rules.flatMap(({ record }) => record ?? []),
    ...['up', 'ALERTS'],
  ]);
}
