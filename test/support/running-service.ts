import { createDatabase, type PooledDatabase } from '@shop/chassis';
import { createCodec, createKafkaBroker, deriveEventId, EVENTS, type NewEvent, silentLogger } from '@shop/events';
import { v7 as uuidv7 } from 'uuid';
import { type ServiceProcess, type Stack, startService } from '../../deploy/local/stack.ts';
import type { ServiceName } from '../../deploy/local/topology.ts';
import { renderHeaders } from '../../libs/events/src/codec/headers.ts';
import { signedCalls } from '../../ops/src/signed-call.ts';
import { Api } from './api.ts';
import { eventually } from './eventually.ts';
import { readMetric } from './metrics.ts';
import { testStack, wipe } from './stack.ts';
import { SHORT_LIVED } from './system.ts';

/** An event as seen by any reader of its topic. */
export interface Heard {
  readonly type: string;
  readonly key: string | null;
  readonly data: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string>>;
}

/** The service as a process on empty schemas and topics, with everything around it that a test observes. */
export interface RunningService {
  readonly url: string;
  /** Calls the service as the gateway does. */
  readonly api: Api;
  readonly process: ServiceProcess;
  readonly database: PooledDatabase;
  /** The events on the service's own topic, in the order of arrival. */
  readonly heard: readonly Heard[];
  /**
   * Publishes like the order service or another, with derived ids: the same event twice is the same event.
   * @returns the ids
   */
  publish(...events: NewEvent[]): Promise<string[]>;
  /** The first `count` events of a key (an order, a product, a user), once they are there. */
  hear(key: string | number, count?: number): Promise<Heard[]>;
  /** The sum of a metric over its matching labels. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** Starts another process after a kill, without waiting until it is ready. */
  startAgain(): Promise<void>;
  stop(): Promise<void>;
}

export const TRACEPARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export async function runService(
  service: ServiceName,
  topic: string,
  env: Record<string, string> = {},
): Promise<RunningService> {
  const stack = testStack();
  const database = createDatabase({ url: stack.env[`${service.toUpperCase()}_DATABASE_URL`] ?? '' });
  await wipe(stack);
  let process = await startService(stack, { service, env, flags: SHORT_LIVED });
  await process.ready().catch((error: unknown) => {
    throw new Error(`${service} did not start:\n${process.output(30)}`, { cause: error });
  });
  const { heard, publish, close } = await joinLog(stack, topic);
  const hear: RunningService['hear'] = (key, count = 1) =>
    eventually(`${count} events of ${key} on ${topic}`, () => {
      const own = heard.filter((event) => event.key === String(key));
      return own.length >= count && own;
    });

  return {
    url: process.url,
    api: new Api(process.url, signedCalls(stack.env.INTERNAL_KEYS)),
    get process() {
      return process;
    },
    database,
    heard,
    publish,
    hear,
    metric: (name, labels) => readMetric(process.url, name, labels),
    async startAgain() {
      process = await startService(stack, { service, env, flags: SHORT_LIVED });
    },
    async stop() {
      await close();
      await database.close();
      if (!(await process.stop())) throw new Error(`${service} did not stop in time:\n${process.output(20)}`);
    },
  };
}

/** The test's own client of the log. */
async function joinLog(stack: Stack, topic: string) {
  const logger = silentLogger;
  const codec = createCodec({ registryUrl: stack.env.SCHEMA_REGISTRY_URL ?? '', logger });
  const broker = createKafkaBroker({ brokers: [stack.env.KAFKA_BROKERS ?? ''], clientId: 'test', logger });
  const heard: Heard[] = [];
  await codec.ready();
  const consumer = await broker.consume({
    groupId: `test-${uuidv7()}`,
    topics: [topic],
    fromBeginning: true,
    onBatch: async ({ records }) => {
      for (const { key, value, headers } of records) {
        if (!value) continue;
        const { type, data } = await codec.decode(value);
        heard.push({ type, key, data: { ...data }, headers });
      }
    },
  });
  await consumer.ready();

  async function publish(...events: NewEvent[]): Promise<string[]> {
    const records = events.map(toRecord);
    await broker.send(records);
    return records.map((record) => record.headers.ce_id ?? '');
  }
  function toRecord({ type, data }: NewEvent) {
    // TypeScript cannot express that type and data belong together.
    const { topic, ...definition } = EVENTS[type] as {
      topic: string;
      key: (data: unknown) => string;
      id: 'derived' | ((data: unknown) => string);
      attributes?: (data: unknown) => Readonly<Record<string, string | null>>;
    };
    const key = definition.key(data);
    const id = definition.id === 'derived' ? deriveEventId(key, type) : definition.id(data);
    const event = { id, type, time: new Date(), traceparent: TRACEPARENT };
    const headers = renderHeaders(event, 'test', definition.attributes?.(data));
    return { topic, key, value: codec.encode(type, data as never), headers };
  }
  return { heard, publish, close: () => broker.close() };
}
