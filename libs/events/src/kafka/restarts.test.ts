import { expect, it } from '@jest/globals';
import { silentLogger } from '../log.ts';
import { noMetrics } from '../metrics.ts';
import { createVirtualClock } from '../testing/virtual-clock.ts';
import { createRestarts } from './restarts.ts';

function restarts() {
  const told: boolean[] = [];
  const metrics = { ...noMetrics, consumerRestarting: (_: string, inVain: boolean) => void told.push(inVain) };
  const made = createRestarts({ groupId: 'g', logger: silentLogger, metrics, clock: createVirtualClock() });
  const live = (reason: string) => {
    made.joined();
    made.settled();
    made.ended(new Error(reason), true);
    return told.at(-1);
  };
  return { ...made, live, isInVain: () => told.at(-1) };
}

it('when memberships that had settled end for one reason three times in a row, then starting again does not help', () => {
  const { live, joined, settled, lasted, isInVain } = restarts();
  const reasons = ['offsets are not committed for 30001 ms', 'offsets are not committed for 30122 ms'];
  expect(reasons.map(live)).toEqual([false, false]);
  expect(live('offsets are not committed for 30007 ms')).toBe(true);
  joined();
  settled();
  expect(isInVain()).toBe(true);
  lasted();
  expect(isInVain()).toBe(false);
});

it('when memberships that had settled end for different reasons, then each is a matter of its own', () => {
  const { live } = restarts();
  expect(['a', 'a', 'b', 'a', 'a'].map(live)).toEqual([false, false, false, false, false]);
});
