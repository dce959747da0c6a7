import type { Metrics, Shutdown, Transaction } from '@shop/chassis';
import type { Messaging } from '@shop/events';
import { dataPlatformSubscription } from '../messaging/subscriptions.ts';
import { createDeliverOrders, type DeliveryDeps } from '../usecases/deliver-orders.ts';
import { guardPlatform } from './breaker.ts';
import { createHttpPlatform } from './http-platform.ts';

interface DeliveryOptions {
  readonly url: string;
  readonly timeoutMs: number;
  readonly metrics: Metrics;
}

/** The handler of the group `data-platform`, and its shutdown. */
interface Delivery {
  readonly handle: ReturnType<typeof createDeliverOrders<Transaction>>;
  /** Ends the current call: its batch is not committed and comes again. Call it before the consumers stop. */
  close(): void;
}

function createDelivery({ url, timeoutMs, metrics }: DeliveryOptions): Delivery {
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

interface DeliveryParts {
  readonly config: { readonly DATA_PLATFORM_URL?: string | undefined; readonly DATA_PLATFORM_TIMEOUT_MS: number };
  readonly messaging: Pick<Messaging, 'subscribe'>;
  readonly metrics: Metrics;
  readonly shutdown: Pick<Shutdown, 'onStop'>;
}

/** Sends ended orders to the data platform; without a URL nothing is sent. */
export function startDelivery({ config, messaging, metrics, shutdown }: DeliveryParts): void {
  const { DATA_PLATFORM_URL: url, DATA_PLATFORM_TIMEOUT_MS: timeoutMs } = config;
  if (!url) return;
  const delivery = createDelivery({ url, timeoutMs, metrics });
  messaging.subscribe(dataPlatformSubscription(delivery.handle));
  // Stopped before the consumers, which wait for the current call.
  shutdown.onStop('data platform', async () => delivery.close());
}
