import { describe, expect, it } from '@jest/globals';
import { asEnv, assignment } from '../commands/shared.ts';
import { cpuFigures, memoryOf } from './loads.ts';
import { compareRuns, renderComparisons, type SideRun } from './report.ts';

const audit = { ok: true, orders: 1, records: 2, durationMs: 3, failed: [] };
const machine = {
  cores: 2,
  cpu: 'x',
  memoryGb: 1,
  freeMemoryGb: 1,
  loadBefore: 0,
  node: 'v24',
  commit: 'abc',
  at: 'now',
};
const run = (side: 'old' | 'new', held: number): SideRun => ({
  side,
  measured: { list: { 'held, a second': held } },
  trials: [],
  audit,
});

describe('a comparison', () => {
  it('when sides take turns, then runs are compared by pairs, whichever side was first', () => {
    const pairs = [
      [run('old', 100), run('new', 200)],
      [run('new', 300), run('old', 200)],
    ];
    const about = { command: 'compare', machine, binlog: { old: false, new: true } };
    const loads = compareRuns(pairs, about);
    expect(loads.list?.figures).toEqual([
      { name: 'held, a second', old: 150, new: 250, ratio: { median: 1.75, least: 1.5, most: 2 }, pairs: 2 },
    ]);
    expect(Object.keys(loads)).toEqual(['list']);
    const comparison = { old: 'a', new: 'b', with: ['MYSQL_BINLOG=on'], loads, runs: pairs.flat() };
    const text = renderComparisons({ comparisons: { one: comparison } });
    expect(text).toContain('| held, a second | 150 | 250 | **1.75** | 1.50 | 2.00 |');
    expect(text).toContain('## a → b with MYSQL_BINLOG=on');
    expect(text).toContain('MySQL of the new side with a binary log');
  });

  it('when the CPU of the stack is counted, then the generator is left out', () => {
    const cpu = {
      processes: [
        { name: 'generator', cpuSeconds: 9, rssBytes: 2 ** 20 },
        { name: 'order-1', cpuSeconds: 1, rssBytes: 2 ** 21 },
        { name: 'mysql', cpuSeconds: 3, rssBytes: 2 ** 30 },
      ],
      othersSeconds: 0,
      idleSeconds: 0,
      wallSeconds: 10,
    };
    expect(cpuFigures(cpu, 'CPU', (seconds) => seconds * 10)).toEqual({
      CPU: 40,
      'CPU: order-1': 10,
      'CPU: mysql': 30,
    });
    expect(memoryOf(cpu)).toEqual({ 'RSS of the services, MiB': 2, 'RSS, MiB: order-1': 2 });
  });

  it('when the new side has its own environment, then assignments become variables', () => {
    expect(asEnv(assignment('URL=a=b', assignment('MYSQL_BINLOG=on', [])))).toEqual({ MYSQL_BINLOG: 'on', URL: 'a=b' });
    expect(() => assignment('no assignment', [])).toThrow('NAME=value');
  });
});
