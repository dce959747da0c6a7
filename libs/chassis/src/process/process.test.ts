import { EventEmitter, once } from 'node:events';
import { describe, expect, it, jest } from '@jest/globals';
import { createRuntime } from '../runtime.ts';
import { createHealth } from './health.ts';
import { startJob } from './jobs.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { createShutdown } from './shutdown.ts';

const silent = createLogger({ service: 'test', level: 'silent' });

function shutdownUnderTest(timeoutMs = 1000) {
  const signals = new EventEmitter();
  const exits = new EventEmitter();
  const exited = once(exits, 'exit');
  const health = createHealth();
  const shutdown = createShutdown({
    logger: silent,
    health,
    timeoutMs,
    signals,
    exit: (code) => void exits.emit('exit', code),
  });
  return { signals, exited, health, shutdown };
}

describe('shutdown', () => {
  it('when a signal comes, then the process is not ready, hooks run backwards one by one, and it exits with 0', async () => {
    const { signals, exited, health, shutdown } = shutdownUnderTest();
    const order: string[] = [];
    shutdown.onStop('database', () => void order.push('database'));
    shutdown.onStop('server', async () => {
      expect((await health.ready()).status).toBe('failing');
      order.push('server');
    });
    signals.emit('SIGTERM');
    expect(await exited).toEqual([0]);
    expect(order).toEqual(['server', 'database']);
  });

  it('when a hook fails, then the others still run and the process exits with 1', async () => {
    const { signals, exited, shutdown } = shutdownUnderTest();
    let ran = false;
    shutdown.onStop('first', () => {
      ran = true;
    });
    shutdown.onStop('second', () => Promise.reject(new Error('no')));
    signals.emit('SIGINT');
    expect(await exited).toEqual([1]);
    expect(ran).toBe(true);
  });

  it('when a hook hangs, then the time limit ends the process with 1', async () => {
    const { signals, exited, shutdown } = shutdownUnderTest(10);
    shutdown.onStop('hangs', () => new Promise(() => undefined));
    signals.emit('SIGTERM');
    expect(await exited).toEqual([1]);
  });

  it('when a second signal comes, then the process exits at once', async () => {
    const { signals, exited, shutdown } = shutdownUnderTest();
    const { promise, resolve } = Promise.withResolvers<void>();
    shutdown.onStop('slow', () => promise);
    signals.emit('SIGTERM');
    signals.emit('SIGTERM');
    expect(await exited).toEqual([1]);
    resolve();
  });

  it('when a rejection is not handled, then the process exits with 1', async () => {
    const { signals, exited } = shutdownUnderTest();
    signals.emit('unhandledRejection', new Error('x'));
    expect(await exited).toEqual([1]);
  });
});

describe('health', () => {
  it('when checks fail or hang, then they are named with their reason', async () => {
    const health = createHealth({ timeoutMs: 10 });
    health.addCheck('fine', () => undefined);
    health.addCheck('broken', () => Promise.reject(new Error('no route\nsecret')));
    health.addCheck('slow', () => new Promise(() => undefined));
    expect(await health.ready()).toEqual({
      status: 'failing',
      failing: { broken: 'no route', slow: 'no answer within 10 ms' },
    });
    expect(health.live()).toEqual({ status: 'ok' });
  });
});

describe('jobs', () => {
  it('when a run fails, then it is counted and the next run comes; stop waits for the current run', async () => {
    const metrics = createMetrics({ defaults: false });
    const runs = new EventEmitter();
    let count = 0;
    let finished = 0;
    const third = once(runs, '3');
    const job = startJob({
      name: 'test',
      everyMs: 1,
      logger: silent,
      metrics,
      run: async () => {
        runs.emit(String(++count));
        if (count === 1) throw new Error('first');
        await new Promise((resolve) => setTimeout(resolve, 5));
        finished = count;
      },
    });
    await third;
    await job.stop();
    expect(finished).toBe(3);
    const text = await metrics.render();
    expect(text).toContain('job_runs_total{name="test",result="error"} 1');
    expect(text).toContain('job_runs_total{name="test",result="ok"} 2');
  });

  it('when a run found nothing to do, then the next comes later; when it failed or found work, then soon', async () => {
    jest.useFakeTimers();
    try {
      const results = [false, false, true, 'error', false];
      const runs: number[] = [];
      const job = startJob({
        ...{ name: 'test', everyMs: 100, restMs: 10_000, logger: silent },
        async run() {
          runs.push(Date.now());
          const result = results[runs.length - 1];
          if (result === 'error') throw new Error('first');
          return result;
        },
      });
      await jest.advanceTimersByTimeAsync(40_000);
      await job.stop();
      const waits = runs.slice(1, 6).map((at, n) => (at - (runs[n] ?? 0) > 5_000 ? 'long' : 'short'));
      expect(waits.slice(0, 4)).toEqual(['long', 'long', 'short', 'short']);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('a process with RECOVERY=on', () => {
  it('when its service cannot recover, then the process does not start', () => {
    const config = { HOST: '127.0.0.1', PORT: 0, INSTANCE_ID: 'ranking-1', LOG_LEVEL: 'silent', RECOVERY: true };
    expect(() => createRuntime('ranking', config)).toThrow('ranking cannot be brought forward by its events');
  });
});
