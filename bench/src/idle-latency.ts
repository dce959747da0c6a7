import { build } from 'hdr-histogram-js';
import { Client } from 'undici';
import type { SqlReader } from '../../ops/src/sql.ts';
import { createLatency, type Latency } from './latency.ts';
import { orderBody, profileOf, seeded } from './profiles.ts';
import { readSagas } from './sagas.ts';

/** Single orders, one after the other, on an otherwise idle system. */
export interface IdleLatency {
  readonly orders: number;
  /** Time from sending POST /orders (Prefer: wait) to the end of its 201. */
  readonly answer: Latency;
  /** completed_at − created_at. */
  readonly toCompleted: Latency;
  readonly failures: number;
}

const WARMUP = 100;
/** Pause between two orders, ms, so that each finds the system idle. */
const PAUSE_MS = 30;

export async function measureIdleLatency(gateway: string, sql: SqlReader, orders: number): Promise<IdleLatency> {
  const client = new Client(gateway);
  const answer = createLatency(build);
  const random = seeded(orders);
  const run = Date.now().toString(36);
  let failures = 0;
  let from = 0;
  try {
    for (let index = -WARMUP; index < orders; index++) {
      if (index === 0) from = Date.now();
      const body = JSON.stringify(orderBody(profileOf(1, false), 10_000, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], random));
      const sent = performance.now();
      const response = await client.request({
        method: 'POST',
        path: '/orders',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': `latency-${run}-${index}`,
          prefer: 'wait=10',
        },
        body,
      });
      await response.body.dump();
      if (index >= 0) {
        answer.record(performance.now() - sent);
        if (response.statusCode !== 201) failures++;
      }
      await new Promise((done) => setTimeout(done, PAUSE_MS));
    }
  } finally {
    await client.close();
  }
  const { toCompleted } = await readSagas(sql, from, Date.now());
  return { orders, answer: answer.summary(), toCompleted, failures };
}
