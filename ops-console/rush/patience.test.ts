import { describe, expect, it } from '@jest/globals';
import type { Ask, ShopAnswer } from './gateway.ts';
import { createPatientAsk, MAX_ATTEMPTS, MAX_PAUSE_MS, pauseMs } from './patience.ts';

const answer = (status: number, body: Record<string, unknown> = {}, retryAfter?: number): ShopAnswer => ({
  status,
  body,
  retryAfter,
});

/** A shop that gives these answers, then the last one for ever; an error stands for no answer. */
function shop(...answers: (ShopAnswer | Error)[]) {
  const keys: (string | undefined)[] = [];
  const pauses: number[] = [];
  const abort = new AbortController();
  const ask: Ask = async ({ key }) => {
    keys.push(key);
    const next = answers[Math.min(keys.length, answers.length) - 1];
    if (next instanceof Error) throw next;
    return next as ShopAnswer;
  };
  const patient = createPatientAsk({
    ask,
    signal: abort.signal,
    pause: async (ms) => void pauses.push(ms),
    jitter: () => 0,
  });
  return { keys, pauses, abort, ask: () => patient({ method: 'POST', path: '/orders', key: 'k' }) };
}

describe('a patient client', () => {
  it.each([
    [answer(200)],
    [answer(409, { code: 'COUPON_SOLD_OUT' })],
    [answer(500, { code: 'INTERNAL_ERROR' })],
    [answer(503, { code: 'ORDER_DEADLINE_EXCEEDED', orderId: 'o' })],
  ])('when a client is told %j, then it does not ask again', async (final) => {
    const { ask, keys } = shop(final);
    expect(await ask()).toEqual({ answer: final, attempts: 1 });
    expect(keys).toHaveLength(1);
  });

  it.each([
    [answer(429, {}, 2), 2_000],
    [answer(503, { code: 'SERVICE_UNAVAILABLE' }, 1), 1_000],
    [answer(409, { code: 'IDEMPOTENCY_IN_FLIGHT' }), 200],
    [new Error('connection refused'), 200],
  ])('when a client is told %s, then it waits that long and asks with the same key', async (told, waited) => {
    const { ask, keys, pauses } = shop(told, answer(201));
    expect(await ask()).toEqual({ answer: answer(201), attempts: 2 });
    expect(pauses).toEqual([waited]);
    expect(keys).toEqual(['k', 'k']);
  });

  it('when a client is always told to come later, then it gives up after a number of attempts and returns the last answer', async () => {
    const { ask, pauses } = shop(answer(429, { code: 'RATE_LIMITED' }, 1));
    expect(await ask()).toMatchObject({ answer: { status: 429 }, attempts: MAX_ATTEMPTS });
    expect(pauses).toHaveLength(MAX_ATTEMPTS - 1);
  });

  it('when no attempt is answered, then there is no answer', async () => {
    expect(await shop(new Error('away')).ask()).toEqual({ answer: undefined, attempts: MAX_ATTEMPTS });
  });

  it('when the rush is aborted, then asking rejects, and no more requests are sent', async () => {
    const { ask, abort, keys } = shop(new Error('away'), answer(200));
    const asked = ask();
    abort.abort();
    await expect(asked).rejects.toThrow('away');
    await expect(ask()).rejects.toThrow('aborted');
    expect(keys).toHaveLength(1);
  });
});

describe('a pause', () => {
  it('when no time is stated, then the pause doubles', () =>
    expect([1, 2, 3].map((attempt) => pauseMs(undefined, attempt, 0))).toEqual([200, 400, 800]));
  it('when the stated time is an hour, then the pause is short all the same', () =>
    expect(pauseMs(3_600, 1, 1)).toBe(MAX_PAUSE_MS));
  it('when many are told the same time, then they return apart, and not before it', () =>
    expect([pauseMs(1, 1, 0), pauseMs(1, 1, 1)]).toEqual([1_000, 1_250]));
});
