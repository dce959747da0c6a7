import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { observe } from '../../deploy/local/observe.ts';
import { hurry } from '../../deploy/local/parts/prometheus.ts';
import { readRecord } from '../../deploy/local/processes.ts';
import type { Stack } from '../../deploy/local/stack.ts';
import { expectStatus } from './api.ts';
import type { System } from './system.ts';

/** A Prometheus that scrapes a test's stack every few seconds. */
export interface Watcher {
  readonly url: string;
  /** Ends it and forgets what it saw. */
  stop(): Promise<void>;
}

export async function startWatcher(stack: Stack): Promise<Watcher> {
  const data = join(stack.dir, 'prometheus');
  rmSync(data, { recursive: true, force: true });
  const url = await observe(stack);
  hurry(data);
  const record = readRecord(join(stack.dir, 'pids'), 'prometheus');
  // It reads its configuration again.
  if (record) process.kill(record.pid, 'SIGHUP');
  return {
    url,
    async stop() {
      await stack.part('prometheus').stop();
      rmSync(data, { recursive: true, force: true });
    },
  };
}

/** Orders that are completed and refused, a coupon and reads, so that most measures have values. */
export async function sellAndRefuse({ api }: Pick<System, 'api'>, completed = 3): Promise<void> {
  const productId = await api.newProduct(100, 1_000);
  const [rich, poor] = [await api.newUser(100_000), await api.newUser(10)];
  for (let i = 0; i < completed; i += 1) expectStatus(await api.placeOrder(rich, [[productId, 1]], { wait: 10 }), 201);
  expectStatus(await api.placeOrder(poor, [[productId, 1]], { wait: 10 }), 402);
  expectStatus(await api.request('GET', '/products/popular'), 200);
}
