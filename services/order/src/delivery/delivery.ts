import type { Metrics, Transaction } from '@shop/chassis';
import { createDeliverOrders, type DeliveryDeps } from '../usecases/deliver-orders.ts';
import { guardPlatform } from './breaker.ts';
import { createHttpPlatform } from './http-platform.ts';

export interface DeliveryOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly metrics: Metrics;
}

/** The handler of the group `data-platform`, and how it ends. */
export interface Delivery {
  readonly handle: ReturnType<typeof createDeliverOrders<Transaction>>;
  /** Ends the call that is out: its batch is not committed and comes again. To be called before the consumers stop. */
  close(): void;
}

export function createDelivery({ url, timeoutMs, metrics }: DeliveryOptions): Delivery {
  const closing = new AbortController();
  const http = createHttpPlatform({ url, timeoutMs, signal: closing.signal });
  const platform = guardPlatform(http, { metrics, timeoutMs });
  const total = metrics.counter('data_platform_delivered_total', 'Events that the data platform has', ['type']);
  const delivered: DeliveryDeps<Transaction>['delivered'] = (tx, events) =>
    tx.onCommit(() => {
      for (const { type } of events) total.inc({ type });
    });
  return {
    handle: createDeliverOrders({ platform, delivered }),
    close() {
      closing.abort(new Error('the process is stopping'));
      platform.close();
    },
  };
}
