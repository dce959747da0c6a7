import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseYaml } from '@redocly/openapi-core';
import { prometheusProgram } from '../../deploy/local/parts/prometheus.ts';
import { root } from '../../deploy/local/paths.ts';
import { run } from '../../deploy/local/run.ts';
import { ALERT_CASES, type AlertCase } from '../../deploy/observability/alert-cases.ts';

const rules = join(root, 'deploy/observability/rules');
const files = ['recording.yml', 'alerts.yml'].map((name) => join(rules, name));

interface Rule {
  readonly alert: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}
const { groups } = parseYaml(readFileSync(join(rules, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] };
const alerts = groups.flatMap((group) => group.rules);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'shop-rules-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function promtool(...args: string[]): Promise<void> {
  const [command = '', ...before] = await prometheusProgram('promtool');
  await run(command, [...before, ...args], { cwd: root });
}

const asLabels = (labels: Readonly<Record<string, string>>) =>
  `{${Object.entries(labels)
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join(',')}}`;

type Series = AlertCase['sick'];

/** One test of promtool: the alert fires with its labels, or not at all. */
function toTest({ alert, labels }: AlertCase, state: string, series: Series, at: string) {
  const expected = { alertname: alert, ...labels };
  return {
    name: `${alert}, ${state}`,
    interval: '15s',
    input_series: Object.entries(series).map(([series, values]) => ({ series, values })),
    promql_expr_test: [
      {
        expr: `count by (${Object.keys(expected).join(', ')}) (ALERTS{alertname="${alert}", alertstate="firing"})`,
        eval_time: at,
        exp_samples: state === 'sick' ? [{ labels: asLabels(expected), value: 1 }] : [],
      },
    ],
  };
}

function toTests(each: AlertCase) {
  const { sick, well, mended, at } = each;
  const tests = [toTest(each, 'sick', sick, at), toTest(each, 'well', well, at)];
  return mended ? [...tests, toTest(each, 'mended', mended.series, mended.at)] : tests;
}

function testFile(cases: readonly AlertCase[], ruleFiles = files): string {
  const file = join(folder, `${cases.length}.json`);
  const tests = cases.flatMap(toTests);
  writeFileSync(file, JSON.stringify({ rule_files: ruleFiles, evaluation_interval: '15s', tests }));
  return file;
}

describe('alert rules', () => {
  it('when promtool reads them, then it finds nothing wrong', () => promtool('check', 'rules', ...files), 120_000);

  it('when what an alert is for happens, then it fires with its labels; in good order, and once mended, it is silent', async () => {
    await promtool('test', 'rules', testFile(ALERT_CASES));
  }, 120_000);

  it('when a rule is made deaf or jumpy, then its case finds that', async () => {
    const [recording = '', original = ''] = files;
    const text = readFileSync(original, 'utf8');
    const cases = ALERT_CASES.filter(({ alert }) => alert === 'OutboxLate');
    for (const limit of ['5000', '0.1']) {
      const changed = join(folder, `alerts-${limit}.yml`);
      writeFileSync(changed, text.replace('outbox_oldest_age_seconds) > 5', `outbox_oldest_age_seconds) > ${limit}`));
      await expect(promtool('test', 'rules', testFile(cases, [recording, changed]))).rejects.toThrow('OutboxLate');
    }
  }, 120_000);

  it('when there is an alert, then it has a case, and no case is of another', () => {
    expect([...new Set(ALERT_CASES.map(({ alert }) => alert))].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
  });

  it.each(alerts)('when $alert fires, then its runbook is in the list of runbooks', ({ labels, annotations }) => {
    expect(['page', 'ticket']).toContain(labels.severity);
    const [, page] = /^docs\/runbooks\/([a-z-]+\.md)$/.exec(annotations.runbook) ?? [];
    expect(readFileSync(join(root, annotations.runbook), 'utf8')).toMatch(/^# /);
    expect(readFileSync(join(root, 'docs/runbooks/README.md'), 'utf8')).toContain(`](${page})`);
  });
});
