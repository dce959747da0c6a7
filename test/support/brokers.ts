import { createKafkaAdmin, type KafkaAdmin } from '@shop/events';
import { stackEnv } from '../../deploy/local/addresses.ts';
import { brokersStack } from '../../deploy/local/paths.ts';
import { type Stack, startInfra } from '../../deploy/local/stack.ts';
import { type BrokerName, brokers } from '../../deploy/local/topology.ts';
import { eventually } from './eventually.ts';
import { testStack } from './stack.ts';

/** Beside the stack's own broker. */
const PORTS_HIGHER = 10;

/** Three brokers that a test may stop and kill, and the test's stack with them in place of its own one. */
export interface ThreeBrokers {
  readonly stack: Stack;
  readonly names: readonly BrokerName[];
  part(name: BrokerName): ReturnType<Stack['part']>;
  admin: KafkaAdmin;
  /** Resolves once all three are there and no partition lacks a copy. */
  inSync(): Promise<void>;
  close(): Promise<void>;
}

export async function startBrokers(): Promise<ThreeBrokers> {
  const shop = testStack();
  const names = brokers.map((row) => row.name);
  const own = await startInfra({
    name: brokersStack(shop.name),
    portOffset: shop.layout.portOffset + PORTS_HIGHER,
    parts: names,
    brokers: names.length,
    fresh: true,
  });
  const addresses = own.env.KAFKA_BROKERS ?? '';
  const layout = { ...shop.layout, existing: { kafka: addresses } };
  const env = { ...stackEnv(layout), KAFKA_DURABILITY: 'replicated', KAFKA_PARTITIONS: '6' };
  const admin = await createKafkaAdmin({ brokers: addresses.split(',') });
  return {
    ...{ stack: { ...shop, layout, env }, names, admin },
    part: (name) => own.part(name),
    async inSync() {
      await eventually(
        'all copies to be in sync',
        async () => {
          if ((await admin.brokers()) < names.length) return false;
          const states = await admin.describeTopics(await admin.topics());
          return states.every(({ underReplicated, unreadable }) => underReplicated === 0 && !unreadable);
        },
        { withinMs: 90_000, everyMs: 250 },
      );
    },
    async close() {
      await admin.close().catch(() => {}); // Its broker may be away.
      await own.stop();
    },
  };
}
