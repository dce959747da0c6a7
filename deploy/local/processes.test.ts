import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  endProcess,
  forgetRecord,
  isRunning,
  launch,
  type PidRecord,
  processIdentity,
  readRecords,
  startTicks,
  tail,
} from './processes.ts';

describe('the start time in /proc/<pid>/stat', () => {
  const after = 'S 1 42 42 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 987654 0 0';

  it('when a process name has spaces and parentheses, then its start time is found behind it', () => {
    expect(startTicks(`42 (a (b) c) d) ${after}`)).toBe('987654');
  });

  it('when a process has ended but was not yet collected, then it has no start time', () => {
    expect(startTicks(`42 (node) ${after.replace('S', 'Z')}`)).toBeUndefined();
  });

  it('when other threads of a killed process are still ending, then it has a start time', () => {
    expect(startTicks(`42 (node) ${after.replace('S', 'Z')}`, 3)).toBe('987654');
  });
});

describe('recorded processes', () => {
  let folder: string;
  const started: PidRecord[] = [];

  const sleeper = async (name: string, script: string) => {
    const record = await launch({
      ...{ name, command: '/bin/sh', args: ['-c', script], cwd: folder, env: process.env },
      ...{ log: join(folder, `${name}.log`), pids: join(folder, 'pids') },
    });
    started.push(record);
    return record;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'processes-'));
  });

  afterEach(async () => {
    for (const record of started.splice(0)) await endProcess(record, 'SIGKILL', 1000);
    rmSync(folder, { recursive: true });
  });

  it('when a recorded process is ended, then the processes it started end too', async () => {
    const record = await sleeper('parent', 'sleep 60 & echo $! ; wait');
    while (!tail(record)) await new Promise((done) => setTimeout(done, 5));
    const child = Number(tail(record));
    expect(await endProcess(record, 'SIGTERM', 2000)).toBe(true);
    expect(isRunning(record)).toBe(false);
    while (processIdentity(child)) await new Promise((done) => setTimeout(done, 5));
  });

  it('when a process does not end in time, then it is killed', async () => {
    const record = await sleeper('stubborn', 'trap "" TERM; echo up; while :; do sleep 0.05; done');
    while (!tail(record)) await new Promise((done) => setTimeout(done, 5));
    expect(await endProcess(record, 'SIGTERM', 100)).toBe(false);
    expect(isRunning(record)).toBe(false);
  });

  it('when a name is started again, then the last lines are those of the new process alone', async () => {
    const earlier = await sleeper('twice', 'echo the earlier one; sleep 60');
    while (!tail(earlier)) await new Promise((done) => setTimeout(done, 5));
    await endProcess(earlier, 'SIGKILL', 1000);
    const later = await sleeper('twice', 'echo the later one; sleep 60');
    while (!tail(later)) await new Promise((done) => setTimeout(done, 5));
    expect(tail(later)).toBe('the later one');
    expect(tail(earlier)).toBe('the earlier one\nthe later one');
  });

  it('when a pid belongs to another process by now, then that process is left alone', async () => {
    const stranger = await sleeper('stranger', 'sleep 60');
    const stale = { ...stranger, name: 'order-1', identity: 'an-earlier-boot:1' };
    expect(isRunning(stale)).toBe(false);
    expect(await endProcess(stale, 'SIGKILL', 1000)).toBe(true);
    expect(isRunning(stranger)).toBe(true);
  });

  it('when an old record is forgotten, then the record that took its place is kept', async () => {
    const first = await sleeper('order-1', 'exit 0');
    const second = await sleeper('order-1', 'sleep 60');
    forgetRecord(join(folder, 'pids'), first);
    expect(readRecords(join(folder, 'pids'))).toEqual([second]);
  });

  it('when a process cannot be started, then it is reported by name', async () => {
    const bad = { name: 'order-1', command: join(folder, 'nothing'), args: [], cwd: folder, env: {} };
    await expect(launch({ ...bad, log: join(folder, 'log'), pids: join(folder, 'pids') })).rejects.toThrow('order-1');
  });
});
