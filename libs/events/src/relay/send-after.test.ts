import { describe, expect, it } from '@jest/globals';
import { OutageError } from '../errors.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { sendAfter } from './send-after.ts';

function harness() {
  const checked = Promise.withResolvers<void>();
  let sends = 0;
  const send = async () => {
    sends += 1;
  };
  return { checked, broker: sendAfter(checked.promise, { send }, createVirtualClock()), sends: () => sends };
}

describe('a broker whose topics are checked first', () => {
  it('when the check lasts, then a send is an outage; when it is done, then all is sent', async () => {
    const { checked, broker, sends } = harness();
    await expect(broker.send([])).rejects.toThrow(OutageError);
    expect(sends()).toBe(0);
    checked.resolve();
    await broker.send([]);
    await broker.send([]);
    expect(sends()).toBe(2);
  });

  it('when the topics are refused, then nothing is ever sent', async () => {
    const { checked, broker, sends } = harness();
    checked.reject(new Error('order-events has 6 partitions'));
    await expect(broker.send([])).rejects.toThrow('6 partitions');
    await expect(broker.send([])).rejects.toThrow('6 partitions');
    expect(sends()).toBe(0);
  });
});
