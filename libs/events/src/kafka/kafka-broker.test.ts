import { expect, it } from '@jest/globals';
import { silentLogger } from '../log.ts';
import { createKafkaBroker } from './kafka-broker.ts';

it('when a broker is closed, then no consumer is started any more: nobody would stop it', async () => {
  const broker = createKafkaBroker({ brokers: ['127.0.0.1:1'], clientId: 'late', logger: silentLogger });
  await broker.close();
  const late = broker.consume({ groupId: 'g', topics: ['t'], fromBeginning: true, onBatch: async () => {} });
  const started = late.then(
    (consumer) => consumer.stop().then(() => true),
    () => false,
  );
  expect(await started).toBe(false);
  await expect(late).rejects.toThrow('closed');
});
