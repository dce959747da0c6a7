import type { Database, Health, Metrics, Shutdown, Transaction } from '@shop/service';
import type { Broker } from './broker.ts';
import type { EventType } from './catalog.ts';
import type { Codec } from './codec.ts';
import type { Outbox } from './outbox.ts';
import type { Logger } from './runtime.ts';
import type { MessagingStore } from './store.ts';
import type { Subscription } from './subscription.ts';
import type { Waiters } from './waiters.ts';

export interface MessagingOptions {
  /** The service's name: `ce_source`, client id, and the group of its waiters. */
  readonly service: string;
  readonly config: {
    readonly KAFKA_BROKERS: readonly string[];
    readonly SCHEMA_REGISTRY_URL: string;
    readonly REDIS_URL: string;
    readonly INSTANCE_ID: string;
  };
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Stops everything in order: consumers, relay, broker. Without it the caller stops by `stop()`. */
  readonly shutdown?: Pick<Shutdown, 'onStop'>;
  /** Gets the readiness check `messaging`. */
  readonly health?: Pick<Health, 'addCheck'>;
}

/** All of messaging for one process of a service. */
export interface Messaging {
  readonly outbox: Outbox<Transaction>;
  readonly codec: Codec;
  readonly broker: Broker;
  readonly store: MessagingStore<Transaction>;
  /** Starts a consumer as soon as broker and registry are there. */
  subscribe<T extends EventType>(subscription: Subscription<Transaction, T>): void;
  /** Starts reading `topics` from the end, only to wake those who wait for a key. */
  waiters(topics: readonly string[]): Waiters;
  /** Resolves once schemas and topics are there and every consumer and waiter has joined. */
  ready(): Promise<void>;
  /** Consumers finish the batch at work, the relay stops, the broker closes. */
  stop(): Promise<void>;
}

export function createMessaging(options: MessagingOptions): Messaging {
  throw new Error(`not built yet: ${options.service}`);
}
