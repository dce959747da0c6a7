import { silentLogger } from '../src/index.ts';
import { createKafkaBroker } from '../src/kafka/broker.ts';
import { describeBroker } from '../src/testing/broker-conformance.ts';
import { eventually, testStack } from './support.ts';

describeBroker('Kafka', async () => {
  const stack = testStack();
  const brokers = (stack.env.KAFKA_BROKERS ?? '').split(',');
  return {
    connect: () => createKafkaBroker({ brokers, clientId: 'conformance', logger: silentLogger }),
    until: async (what, condition) => void (await eventually(what, condition, { withinMs: 20_000, everyMs: 10 })),
    settle: (work) => work,
    close: async () => {},
  };
});
