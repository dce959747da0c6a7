import { createRandom } from '../../../test/simulation/random.ts';
import { Scheduler } from '../../../test/simulation/scheduler.ts';
import { SimulatedLog } from '../../../test/simulation/simulated-log.ts';
import { silentLogger } from '../src/index.ts';
import { createKafkaBroker } from '../src/kafka/index.ts';
import { type BrokerHarness, describeBroker } from '../src/testing/broker-conformance.ts';
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

const MAX_STEPS = 50_000;

for (const seed of [1, 2, 3, 4, 5]) {
  describeBroker(`the simulation's log, seed ${seed}`, async (): Promise<BrokerHarness> => {
    const random = createRandom(seed);
    const scheduler = new Scheduler(random, 0);
    const log = new SimulatedLog(scheduler, random, { lostAcknowledgement: 0, redelivery: 0 }, 6);
    let clients = 0;
    return {
      connect: () => log.connect({ name: `client-${++clients}`, alive: true }),
      until: (_what, condition) => scheduler.run(condition, MAX_STEPS),
      async settle(work) {
        let settled = false;
        const mark = () => {
          settled = true;
        };
        work.then(mark, mark);
        await scheduler.run(() => settled, MAX_STEPS);
        return work;
      },
      close: async () => {},
      startsAtEnd: false,
      commitsOnStop: false,
    };
  });
}
