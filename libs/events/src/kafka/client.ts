import { connectionFault, type KafkaSecurity, verifiedTls } from '@shop/chassis';
import kafkajs, {
  type Admin,
  type Kafka,
  type KafkaConfig,
  type LogEntry,
  type RetryOptions,
  type SASLOptions,
} from 'kafkajs';
import type { EventLogger } from '../log.ts';
import { createRepeats } from '../repeats.ts';
import { registerCompressions } from './compression.ts';
import { patchKafkaJs } from './patches.ts';

/** How often the same kind of client warning is logged, ms: an outage is logged once, not at each attempt. */
const QUIET_MS = 60_000;

/** Ordinary events of a group that KafkaJS reports as errors and warnings. */
const ORDINARY =
  /rebalanc|re-joining|not aware of this member|not the correct coordinator|coordinator is not available|is loading/i;

export interface KafkaOptions {
  readonly brokers: readonly string[];
  /** Default: neither TLS nor a login. */
  readonly security?: KafkaSecurity | undefined;
  readonly clientId: string;
  readonly logger: EventLogger;
}

export function createClient({ brokers, security, clientId, logger }: KafkaOptions): Kafka {
  patchKafkaJs();
  registerCompressions();
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    ...secured(security),
    connectionTimeout: 2_000,
    requestTimeout: 10_000,
    // Reconnects within a second of a broker's restart, without flooding it with attempts meanwhile.
    retry: { initialRetryTime: 100, maxRetryTime: 1_000, retries: 5 },
    logLevel: kafkajs.logLevel.WARN,
    logCreator: () => createLogSink(logger),
  });
}

function secured({ tls, sasl }: KafkaSecurity = {}): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return { ...(tls && { ssl: verifiedTls(tls) }), ...(sasl && { sasl: { ...sasl } as SASLOptions }) };
}

/** `error` in words for an operator when it says that broker and client do not believe each other; else `error`. */
export function inWords(brokers: readonly string[], error: unknown): unknown {
  const fault = connectionFault('KAFKA', brokers.join(', '), error);
  return fault === undefined ? error : new Error(fault, { cause: error });
}

/** Runs administration on its own connection and closes the connection afterwards. */
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
    // The answer counts, not how the connection ended.
    await client.disconnect().catch(() => {});
  }
}

/** Turns KafkaJS's log lines into ours. Real problems are reported by our own code, so none of these is an error. */
export function createLogSink(logger: EventLogger, now?: () => number): (entry: LogEntry) => void {
  const repeats = createRepeats(now, QUIET_MS);
  return ({ namespace, log }) => {
    const { message, error, broker, groupId } = log as Record<string, unknown> & { message: string };
    const details = {
      component: `kafkajs ${namespace}`,
      broker,
      groupId,
      error: error instanceof Error ? error.message : error,
      reason: connectionFault('KAFKA', String(broker ?? ''), `${message} ${String(error ?? '')}`),
    };
    if (ORDINARY.test(`${message} ${String(error ?? '')}`)) return logger.debug(details, message);
    const kind = `${namespace} ${message.replace(/\d+/g, '#')}`;
    const leftOut = repeats.due(kind);
    if (leftOut === undefined) return logger.debug(details, message);
    logger.warn({ ...details, ...(leftOut > 0 && { leftOut }) }, message);
  };
}
