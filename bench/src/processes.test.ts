import { describe, expect, it } from '@jest/globals';
import { countCpu, cpuTicks, machineTicks } from './processes.ts';

describe('CPU by process', () => {
  it('when a command name has spaces and parentheses, then user and kernel time are read behind it', () => {
    const stat = '42 (node (main) x) S 1 42 42 0 -1 4194560 100 0 0 0 700 50 0 0 20 0 11 0 12345 1000 200 0';
    expect(cpuTicks(stat)).toBe(750);
  });

  it('when the machine waits for the disk, then it counts as idle; when time is stolen, then as busy', () => {
    expect(machineTicks('cpu  100 1 50 1000 20 3 4 2 0 0\ncpu0 1 2 3')).toEqual({ busy: 160, idle: 1020 });
  });

  it('when a process runs, then it is listed; when it does not exist, then it is left out', () => {
    const end = countCpu([
      { name: 'me', pid: process.pid },
      { name: 'nobody', pid: 2 ** 22 + 1 },
    ]);
    const use = end();
    expect(use.processes.map(({ name }) => name)).toEqual(['me']);
    expect(use.processes[0]?.rssBytes).toBeGreaterThan(1_000_000);
  });
});
