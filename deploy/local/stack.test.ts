import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { stackDir } from './paths.ts';
import { processIdentity } from './processes.ts';
import { stackOwner, startInfra, stopOwnStack } from './stack.ts';

const name = `stamp-${randomUUID()}`;
afterEach(() => rmSync(stackDir(name), { recursive: true, force: true }));

describe('the owner of a stack', () => {
  const ownerFile = join(stackDir(name), 'owner.json');
  const own = (pid: number, identity: string | undefined) => {
    mkdirSync(stackDir(name), { recursive: true });
    writeFileSync(ownerFile, JSON.stringify({ pid, identity }));
  };
  const start = () => startInfra({ name, portOffset: 0, parts: [] });

  it('when a living process has begun to start the stack, then another start is refused, and what runs is left alone', async () => {
    own(process.ppid, processIdentity(process.ppid));
    await expect(start()).rejects.toThrow(`already running (pid ${process.ppid})`);
    expect(JSON.parse(readFileSync(ownerFile, 'utf8'))).toMatchObject({ pid: process.ppid });
  });

  it('when its owner has ended, and a stranger has that pid now, then the next start owns it, before it ends what is left', async () => {
    own(process.ppid, 'an earlier process');
    const left = spawn(process.execPath, ['-e', "process.on('SIGTERM', () => setTimeout(process.exit, 300))"], {
      ...{ detached: true, stdio: ['ignore', 'ignore', 'ignore'] },
    });
    await once(left, 'spawn');
    const record = { name: 'order-1', pid: left.pid, identity: processIdentity(left.pid ?? 0), command: '', log: '' };
    mkdirSync(join(stackDir(name), 'pids'), { recursive: true });
    writeFileSync(join(stackDir(name), 'pids/order-1.json'), JSON.stringify(record));
    const gone = once(left, 'exit');
    const started = start();
    expect(stackOwner(name)?.pid).toBe(process.pid);
    await Promise.all([started, gone]);
    await stopOwnStack(name);
    expect(stackOwner(name)).toBeUndefined();
  });

  it('when a start is refused, then it owns nothing any longer', async () => {
    const existing = { kafka: 'k1:9092' };
    await expect(startInfra({ name, portOffset: 0, parts: ['kafka'], brokers: 3, existing })).rejects.toThrow();
    expect(stackOwner(name)).toBeUndefined();
  });
});

describe('the brokers of a stack', () => {
  it('when its data is that of one broker, then three are refused, also after a start with other servers', async () => {
    mkdirSync(join(stackDir(name), 'kafka'), { recursive: true });
    writeFileSync(join(stackDir(name), 'kafka/brokers'), '1');
    const layout = { name, portOffset: 0, instances: 1, existing: { kafka: 'k1:9092' }, brokers: 1 };
    writeFileSync(join(stackDir(name), 'stack.json'), JSON.stringify({ layout, load: false }));
    await expect(startInfra({ name, portOffset: 0, parts: ['kafka'], brokers: 3 })).rejects.toThrow(
      'that of one broker',
    );
  });

  it('when brokers are named and some of our own are wanted too, then the start is refused', async () => {
    const existing = { kafka: 'k1:9092' };
    await expect(startInfra({ name, portOffset: 0, parts: ['kafka'], brokers: 3, existing })).rejects.toThrow(
      'KAFKA_BROKERS',
    );
  });
});
