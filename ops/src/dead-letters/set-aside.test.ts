import { describe, expect, it } from '@jest/globals';
import { readMessagingState } from '../status/gauges.ts';
import { type Look, lookOf, waitForPermit } from './set-aside.ts';

const halted: Look = { halted: ['order-events/3'], silent: [] };
const silent: Look = { halted: [], silent: ['http://a'] };
const clear: Look = { halted: [], silent: [] };

/** Looks one after the other; the last one is repeated. */
function looks(...all: Look[]) {
  let made = 0;
  return { look: async () => all[Math.min(made++, all.length - 1)] ?? clear, made: () => made };
}

const LONG_MS = 60_000;

describe('waiting for a halted partition to go on', () => {
  it.each([
    ['does not tell for a moment', [halted, silent, halted]],
    ['never tells again', [halted, silent]],
    ['tells nothing for one look, as one that was just started', [halted, clear, halted]],
    ['stays halted', [halted]],
  ])('when the instance %s, then the permit is not done', async (_, all) => {
    const { look } = looks(...all);
    expect(await waitForPermit(look, 50, 1)).toMatchObject({ isDone: false, ...all.at(-1) });
  });

  it('when nothing has halted at two looks in a row, then it is done', async () => {
    const { look, made } = looks(halted, silent, clear, silent, clear, clear);
    expect(await waitForPermit(look, LONG_MS, 1)).toEqual({ ...clear, isDone: true });
    expect(made()).toBe(6);
  });

  it('when the time is over after one look that found nothing, then another one decides', async () => {
    expect(await waitForPermit(looks(clear).look, 0, 1)).toEqual({ ...clear, isDone: true });
    expect(await waitForPermit(looks(clear, halted).look, 0, 1)).toEqual({ ...halted, isDone: false });
  });
});

describe('what the instances tell', () => {
  const gauge = 'events_partition_halted{group="payment",topic="order-events",partition="3"} 1\n';
  const messaging = readMessagingState(gauge);
  const wish = { group: 'payment', topic: undefined, partition: undefined };

  it.each([
    ['answers', { ready: true, messaging }, halted],
    ['is not ready', { ready: false, messaging: readMessagingState('') }, silent],
    ['does not tell its measures', { ready: true, messaging: undefined }, silent],
  ])('when an instance %s, then the look says so', (_, instance, look) =>
    expect(lookOf([{ url: 'http://a', ...instance }], wish)).toEqual(look),
  );

  it('when a partition is not covered, then it does not count', () => {
    const instances = [{ url: 'http://a', ready: true, messaging }];
    expect(lookOf(instances, { ...wish, group: 'data-platform' })).toEqual(clear);
    expect(lookOf(instances, { ...wish, topic: 'order-events', partition: 4 })).toEqual(clear);
    expect(lookOf(instances, { ...wish, topic: 'order-events', partition: 3 })).toEqual(halted);
  });
});
