import kafkajs, { type Admin, type Kafka, type LogEntry, type RetryOptions } from 'kafkajs';
import type { EventLogger } from '../log.ts';
import { patchKafkaJs } from './patches.ts';

/** How long one kind of warning of the client is not repeated, ms: an outage is said once, not at each attempt. */
const QUIET_MS = 5_000;

/** Everyday life of a group, which KafkaJS reports as errors and warnings. */
const ORDINARY =
  /rebalanc|re-joining|not aware of this member|not the correct coordinator|coordinator is not available|is loading/i;

export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly logger: EventLogger;
}

export function createClient({ brokers, clientId, logger }: KafkaOptions): Kafka {
  patchKafkaJs();
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    // Back within a second of a broker's restart, without a storm meanwhile.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => createLogSink(logger),
  });
}

/** Administration over a connection of its own, which is closed again. */
export async function administer<T>(
  kafka: Kafka,
  retry: RetryOptions,
  work: (client: Admin) => Promise<T>,
): Promise<T> {
  const client = kafka.admin({ retry });
  try {
    await client.connect();
    return await work(client);
  } finally {
    // What was answered counts, not how the connection ended.
    await client.disconnect().catch(() => {});
  }
}

/** KafkaJS's log lines as ours. What matters to us we report ourselves, so nothing of it is an error. */
export function createLogSink(logger: EventLogger, now: () => number = Date.now): (entry: LogEntry) => void {
  const said = new Map<string, number>();
  return ({ namespace, log }) => {
    const { message, error, broker, groupId } = log as Record<string, unknown> & { message: string };
    const details = {
      component: `kafkajs ${namespace}`,
      broker,
      groupId,
      error: error instanceof Error ? error.message : error,
    };
    if (ORDINARY.test(`${message} ${String(error ?? '')}`)) return logger.debug(details, message);
    const kind = `${namespace} ${message.replace(/\d+/g, '#')}`;
    if ((said.get(kind) ?? Number.NEGATIVE_INFINITY) > now() - QUIET_MS) return logger.debug(details, message);
    if (said.size > 200) said.clear();
    said.set(kind, now());
    logger.warn(details, message);
  };
}
