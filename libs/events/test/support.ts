import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createDatabase, type PooledDatabase, type Transaction } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import type { Stack } from '../../../deploy/local/stack.ts';
import { testStack } from '../../../test/support/stack.ts';
import {
  type Broker,
  type Codec,
  createCodec,
  createKafkaBroker,
  createOutbox,
  createSqlMessagingStore,
  createSqlRelayLock,
  EVENTS,
  type EventType,
  type NewEvent,
  type Outbox,
  type Relay,
  type SqlMessagingStore,
  singleCopy,
  startRelay,
} from '../src/index.ts';

export { eventually } from '../../../test/support/eventually.ts';
export { testStack };

/** A schema with only the messaging tables and a table of effects, and everything that works on it. */
export interface Bench {
  readonly stack: Stack;
  readonly database: PooledDatabase;
  readonly store: SqlMessagingStore;
  readonly codec: Codec;
  readonly outbox: Outbox<Transaction>;
  /** One more client of the log, as another process would have. */
  connect(): Broker;
  /** One more process that relays this schema. */
  relay(): Relay;
  /** Appends in a transaction of its own and commits. */
  publish(...events: NewEvent[]): Promise<void>;
  /** The rows that handlers wrote, in order. */
  effects(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openBench(): Promise<Bench> {
  const stack = testStack();
  const schema = `events_test_${randomUUID().slice(0, 8)}`;
  const rootUrl = stack.env.MYSQL_ROOT_URL ?? '';
  const root = createDatabase({ url: `${rootUrl}/mysql`, poolSize: 1 });
  await root.execute(`CREATE DATABASE ${schema}`);
  const database = createDatabase({ url: `${rootUrl}/${schema}`, poolSize: 8 });
  for (const statement of readFileSync(new URL('../sql/messaging.sql', import.meta.url), 'utf8').split(/;\s*$/m)) {
    if (statement.trim()) await database.execute(statement);
  }
  await database.execute('CREATE TABLE effect (n BIGINT AUTO_INCREMENT PRIMARY KEY, what VARCHAR(200) NOT NULL)');

  const store = createSqlMessagingStore(database);
  const codec = createCodec({ registryUrl: stack.env.SCHEMA_REGISTRY_URL ?? '' });
  const connections: Broker[] = [];
  const relays: Relay[] = [];
  let wakeUp: () => void = () => {};
  const outbox = createOutbox({ store, codec, source: 'test', wake: () => wakeUp() });
  const brokers = (stack.env.KAFKA_BROKERS ?? '').split(',');
  const logger = testLogger(schema);

  function connect(): Broker {
    const broker = createKafkaBroker({ brokers, clientId: schema, logger });
    connections.push(broker);
    return broker;
  }
  await Promise.all([codec.ready(), connect().ensureTopics([...allTopicsOf()], singleCopy(6))]);

  return {
    stack,
    database,
    store,
    codec,
    outbox,
    connect,
    relay() {
      const relay = startRelay({
        store,
        broker: connect(),
        lock: createSqlRelayLock(database),
        standbyMs: 100,
        logger,
      });
      relays.push(relay);
      wakeUp = () => {
        for (const each of relays) each.wake();
      };
      return relay;
    },
    publish: (...events) => database.transaction((tx) => outbox.append(tx, events)),
    effects: async () =>
      (await database.query<{ what: string }>('SELECT what FROM effect ORDER BY n')).map((row) => row.what),
    async close() {
      await Promise.all(relays.map((relay) => relay.stop()));
      await Promise.all(connections.map((broker) => broker.close()));
      await root.execute(`DROP DATABASE ${schema}`);
      await database.close();
      await root.close();
    },
  };
}

function allTopicsOf(): Set<string> {
  const topics = new Set<string>();
  for (const { topic } of Object.values(EVENTS)) topics.add(topic).add(`${topic}.dlq`);
  return topics;
}

/** Silent, unless EVENTS_TEST_LOG is set. */
export function testLogger(name: string) {
  const write = (level: string) => (details: object, message: string) => {
    if (process.env.EVENTS_TEST_LOG)
      process.stderr.write(`${Date.now()} ${level} ${name} ${message} ${JSON.stringify(details)}\n`);
  };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** A new, unique order id. */
export const newOrderId = (): string => uuidv7();

export type { EventType };
