import type { KafkaSecurity } from '@shop/chassis';
import type { Admin } from 'kafkajs';
import type { Broker, BrokerConsumer } from '../broker.ts';
import { type Clock, createBackoff, systemClock } from '../clock.ts';
import { describe, OutageError } from '../errors.ts';
import type { EventLogger } from '../log.ts';
import { type EventMetrics, noMetrics } from '../metrics.ts';
import { administer, createClient } from './client.ts';
import { superviseConsumer } from './consumer-supervisor.ts';
import { createSender } from './producer.ts';
import { ensureTopics } from './topics.ts';

export interface KafkaBrokerOptions {
  /** `host:port` of the brokers. */
  readonly brokers: readonly string[];
  /** Default: neither TLS nor a login. */
  readonly security?: KafkaSecurity | undefined;
  readonly clientId: string;
  readonly logger: EventLogger;
  readonly metrics?: EventMetrics;
  readonly clock?: Clock;
}

/** The log on Kafka. Connects at first use, and reconnects whenever a connection is lost. */
export function createKafkaBroker(options: KafkaBrokerOptions): Broker {
  const { logger, metrics = noMetrics, clock = systemClock } = options;
  const kafka = createClient(options);
  const sender = createSender(kafka, clock);
  const sendOnce = createSender(kafka, clock, 0);
  const consumers: BrokerConsumer[] = [];
  let closed = false;

  /** Administration is rare, so each piece of work opens its own connection. */
  const admin = <T>(work: (client: Admin) => Promise<T>) =>
    administer(kafka, { initialRetryTime: 100, maxRetryTime: 300, retries: 3 }, work);

  return {
    send: (records, { once = false } = {}) => (once ? sendOnce : sender).send(records),

    async consume(consume) {
      // The consumers were stopped together when the broker closed: one that is started now would run for ever.
      if (closed) throw new OutageError(`${consume.groupId} is not started: the broker is closed`);
      const consumer = superviseConsumer({ kafka, admin, consume, logger, metrics, clock });
      consumers.push(consumer);
      return consumer;
    },

    async ensureTopics(topics, plan) {
      const backoff = createBackoff(200, 2_000);
      for (;;) {
        try {
          return await admin((client) => ensureTopics(client, topics, plan, logger));
        } catch (error) {
          if (closed || (error instanceof Error && error.name === 'TopicMismatchError')) throw error;
          logger.warn({ error: describe(error) }, 'topics cannot be checked, trying again');
          await clock.sleep(backoff.next());
        }
      }
    },

    async close() {
      closed = true;
      await Promise.all(consumers.map((consumer) => consumer.stop()));
      await Promise.all([sender.close(), sendOnce.close()]);
    },
  };
}
