import { join } from 'node:path';
import type { Scenario } from './scenarios.ts';

export interface K6Run {
  readonly scenario: Scenario;
  readonly gateway: string;
  /** The folder for the reports. */
  readonly folder: string;
  /** Distinguishes this run's points in InfluxDB from others'. */
  readonly run: string;
  /** `http://host:port/database` */
  readonly influx?: string | undefined;
  /** `NAME=value` for the scenario. */
  readonly env: readonly string[];
}

export interface K6Command {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The HTML report and the figures as JSON. */
  readonly report: string;
  readonly summary: string;
}

/** The command line and environment of k6. */
export function k6Command({ scenario, gateway, folder, run, influx, env }: K6Run): K6Command {
  const report = join(folder, `${scenario.name}.html`);
  const summary = join(folder, `${scenario.name}.json`);
  return {
    report,
    summary,
    args: [
      'run',
      '--no-usage-report',
      // Tags of the run, not of a scenario within it: k6 gives its count of virtual users no other tags.
      ...['--tag', `test=${scenario.name}`, '--tag', `run=${run}`],
      ...(influx ? ['--out', `influxdb=${influxAddress(influx)}`] : []),
      ...['--env', `BASE_URL=${gateway}`, '--env', `SUMMARY_FILE=${summary}`],
      ...env.flatMap((each) => ['--env', each]),
      scenario.file,
    ],
    env: {
      K6_WEB_DASHBOARD: 'true',
      // No live page: the report is written at the end.
      K6_WEB_DASHBOARD_PORT: '-1',
      K6_WEB_DASHBOARD_PERIOD: '2s',
      K6_WEB_DASHBOARD_EXPORT: report,
    },
  };
}

/** The address with a database; `k6` where none is named. */
export function influxAddress(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}/${pathname.replace(/^\//, '') || 'k6'}`;
}

/** k6's exit code when a threshold was exceeded. */
export const THRESHOLDS_FAILED = 99;
