import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { influxAddress, k6Command } from './command.ts';
import { scenarios } from './scenarios.ts';

type Env = Record<string, string>;
interface K6Options {
  readonly scenarios: Record<string, Record<string, unknown>>;
  readonly thresholds: Record<string, string[]>;
}
interface Profiles {
  number(env: Env, name: string, fallback: number): number;
  spike(env: Env, scenario: string): K6Options;
  steady(env: Env, scenario: string, defaults: { rate: number; seconds: number; thresholds?: object }): K6Options;
}

// Plain JavaScript for k6; imported by its address, since it has no types.
const { number, spike, steady } = (await import(new URL('../profiles.js', import.meta.url).href)) as Profiles;
const folder = resolve(import.meta.dirname, '..');
const named = (name: string) => {
  const scenario = scenarios().find((each) => each.name === name);
  if (!scenario) throw new Error(`there is no ${name}`);
  return scenario;
};

describe('the coupon spike', () => {
  it('when nothing is set, then the spike is 5 s of quiet, 5 s up to 2,000 requests a second, 30 s held, 10 s down', () => {
    const { scenarios: all, thresholds } = spike({}, 'coupon_spike');
    expect(all.coupon_spike).toMatchObject({
      executor: 'ramping-arrival-rate',
      startRate: 0,
      timeUnit: '1s',
      maxVUs: 4_000,
      stages: [
        { target: 0, duration: '5s' },
        { target: 2_000, duration: '5s' },
        { target: 2_000, duration: '30s' },
        { target: 0, duration: '10s' },
      ],
    });
    expect(thresholds).toEqual({
      http_req_failed: ['rate<0.01'],
      http_req_duration: ['p(95)<200'],
      checks: ['rate>0.95'],
    });
  });

  it('when the environment sets peak and length, then the spike uses them', () => {
    const { stages } = spike({ PEAK_RPS: '300', HOLD_SECONDS: '2' }, 'x').scenarios.x ?? {};
    expect(stages).toEqual(expect.arrayContaining([{ target: 300, duration: '2s' }]));
  });
});

describe('a steady load', () => {
  it('when a steady load has thresholds, then they are added to the common ones', () => {
    const defaults = { rate: 50, seconds: 10, thresholds: { sold: ['count<=5'] } };
    const { scenarios: all, thresholds } = steady({ RATE: '70' }, 'hot', defaults);
    expect(all.hot).toMatchObject({ executor: 'constant-arrival-rate', rate: 70, duration: '10s' });
    expect(thresholds).toMatchObject({ sold: ['count<=5'], http_req_failed: ['rate<0.01'] });
  });
});

it.each(['many', '-1', '1.5'])('when a number is "%s", then it is refused by name', (value) => {
  expect(() => number({ PEAK_RPS: value }, 'PEAK_RPS', 1)).toThrow('PEAK_RPS');
});

describe('scenarios', () => {
  it('when a scenario exists, then its first line and the README describe it', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const all = scenarios();
    expect(all.map(({ name }) => name).sort()).toEqual([
      'coupon-spike',
      'coupon-spike-async',
      'hot-product',
      'orders-mixed',
      'popular-products',
    ]);
    for (const { name, description } of all) {
      expect(description).toMatch(/^[A-Z].{20,}\.$/);
      expect(readme).toContain(`\`${name}\``);
    }
  });

  it('when a scenario reads a variable, then the README names it', () => {
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    const texts = ['profiles', 'lib', 'coupons', ...scenarios().map(({ name }) => name)].map((name) =>
      readFileSync(join(folder, `${name}.js`), 'utf8'),
    );
    const read = texts.flatMap((text) =>
      [...text.matchAll(/__ENV\.(\w+)|number\((?:__ENV|env), '(\w+)'/g)].map(
        ([, direct, counted]) => direct ?? counted,
      ),
    );
    expect(read).toContain('PEAK_RPS');
    for (const name of new Set(read)) expect(readme).toContain(`\`${name}\``);
  });

  it('when a scenario ends, then its summary is written to a file', () => {
    for (const { file } of scenarios()) expect(readFileSync(file, 'utf8')).toMatch(/^export \{ handleSummary \}/m);
  });
});

describe('the command line of k6', () => {
  const run = { gateway: 'http://127.0.0.1:3000', folder: '/reports', run: 'now', env: ['PEAK_RPS=5'] };

  it('when a run starts, then it reports to nobody, is tagged, and writes its reports into the folder', () => {
    const { args, env, report, summary } = k6Command({ ...run, scenario: named('coupon-spike') });
    const line = args.join(' ');
    for (const part of [
      '--no-usage-report',
      '--tag test=coupon-spike --tag run=now',
      '--env BASE_URL=http://127.0.0.1:3000 --env SUMMARY_FILE=/reports/coupon-spike.json --env PEAK_RPS=5',
    ])
      expect(line).toContain(part);
    expect(line).not.toContain('--out');
    expect(args.at(-1)).toBe(join(folder, 'coupon-spike.js'));
    expect([report, summary]).toEqual(['/reports/coupon-spike.html', '/reports/coupon-spike.json']);
    expect(env).toMatchObject({ K6_WEB_DASHBOARD_EXPORT: report, K6_WEB_DASHBOARD_PORT: '-1' });
  });

  it('when InfluxDB is asked for, then points are sent to it', () => {
    const { args } = k6Command({ ...run, scenario: named('hot-product'), influx: 'http://influx:8086' });
    expect(args.join(' ')).toContain('--out influxdb=http://influx:8086/k6');
  });

  it.each([
    ['http://h:8086', 'http://h:8086/k6'],
    ['http://h:8086/', 'http://h:8086/k6'],
    ['http://h:8086/mine', 'http://h:8086/mine'],
  ])('when the address is %s, then the database is %s', (url, expected) => expect(influxAddress(url)).toBe(expected));
});
