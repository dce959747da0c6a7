import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { call, Problem } from './api.ts';
import { askOnce, isAsking } from './ask-once.ts';
import { followEvents } from './follow.ts';
import { session, startSession } from './session.ts';
import { answerWith, json, pass, type Sent, standInForBrowser } from './testing.ts';

const OLD = { userId: 1, scope: undefined, token: 'old' };
const NEW = { ...OLD, token: 'new' };
const keyOf = ({ headers }: Sent) => headers.get('idempotency-key');
const tokenOf = ({ headers }: Sent) => headers.get('authorization');
const codeOf = (error: unknown) => (error instanceof Problem ? error.code : error);

/** The first answer is lost, and the old token ends meanwhile. */
function shopWithTokenEnding(): Sent[] {
  return answerWith((sent, count) => {
    if (count === 1) throw new TypeError('connection lost');
    return tokenOf(sent) === 'Bearer new' ? json({ orderId: 'x' }, 202) : json({ code: 'UNAUTHENTICATED' }, 401);
  });
}

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers();
  startSession(OLD);
});

describe('a request with one effect', () => {
  it('when its repeat comes after the end of the token, then after signing in it is repeated with its key', async () => {
    const sent = shopWithTokenEnding();
    const first = askOnce('order', '/orders', { items: [1] }).catch(codeOf);
    await pass(3_000);
    expect([await first, session()]).toEqual(['UNAUTHENTICATED', undefined]);
    startSession(NEW);
    await askOnce('order', '/orders', { items: [1] });
    expect(sent.map(tokenOf)).toEqual(['Bearer old', 'Bearer old', 'Bearer new']);
    expect(new Set(sent.map(keyOf)).size).toBe(1);
  });

  it('when the user signs in anew while a repeat waits, then it goes out with the new token', async () => {
    const sent = shopWithTokenEnding();
    const first = askOnce('order', '/orders', { items: [1] });
    startSession(NEW);
    await pass(3_000);
    expect(await first).toMatchObject({ status: 202 });
    expect([sent.map(tokenOf), session()]).toEqual([['Bearer old', 'Bearer new'], NEW]);
  });

  it.each([403, 408])(
    'when a repeat is answered with %i, then the first may have taken effect: the key stays',
    async (status) => {
      const sent = answerWith((_, count) => {
        if (count === 1) throw new TypeError('connection lost');
        return json({}, count === 2 ? status : 202);
      });
      const first = askOnce('order', '/orders', { items: [1] }).catch(codeOf);
      await pass(3_000);
      expect(await first).toBe(`HTTP_${status}`);
      await askOnce('order', '/orders', { items: [1] });
      expect(new Set(sent.map(keyOf)).size).toBe(1);
    },
  );

  it('when the shop refuses it, then the same wish again is a new one', async () => {
    const sent = answerWith(() => json({ code: 'OUT_OF_STOCK' }, 409));
    await askOnce('order', '/orders', { items: [1] }).catch(codeOf);
    await askOnce('order', '/orders', { items: [1] }).catch(codeOf);
    expect(new Set(sent.map(keyOf)).size).toBe(2);
  });

  it('when it is on its way, then every page of the user can tell, until it has ended', async () => {
    const told: boolean[] = [];
    addEventListener('asking', () => told.push(isAsking('charge')));
    const answer = Promise.withResolvers<Response>();
    answerWith(() => answer.promise);
    const charged = askOnce('charge', '/points/charge', { amount: 5 });
    expect([isAsking('charge'), isAsking('order')]).toEqual([true, false]);
    answer.resolve(json({}));
    await charged;
    expect(told).toEqual([true, false]);
  });

  it('when two tabs repeat one order, then one of them is told to take it out of the basket', async () => {
    const sent = answerWith(() => json({ orderId: 'x' }, 202));
    const both = await Promise.all([
      askOnce('order', '/orders', { items: [1] }),
      askOnce('order', '/orders', { items: [1] }),
    ]);
    expect(new Set(sent.map(keyOf)).size).toBe(1);
    expect(both.map(({ isFirst }) => isFirst)).toEqual([true, false]);
  });
});

describe('the end of a session', () => {
  const refused = () => json({ code: 'UNAUTHENTICATED' }, 401);

  it('when a request with an older token is refused, then the new session stays', async () => {
    answerWith(() => {
      startSession(NEW);
      return refused();
    });
    expect(await call('GET', '/points').catch(codeOf)).toBe('UNAUTHENTICATED');
    expect(session()).toEqual(NEW);
  });

  it('when a stream with an older token is refused, then the new session stays', async () => {
    answerWith(() => {
      startSession(NEW);
      return refused();
    });
    const { signal } = new AbortController();
    expect(await followEvents('/orders/x/events', { signal }, () => true).catch(codeOf)).toBe('UNAUTHENTICATED');
    expect(session()).toEqual(NEW);
  });

  it('when the present token is refused, then the session ends', async () => {
    answerWith(refused);
    await call('GET', '/points').catch(codeOf);
    expect(session()).toBeUndefined();
  });

  it('when another user signs in while a repeat waits, then it stays with the user who wanted it', async () => {
    const sent = shopWithTokenEnding();
    const first = call('GET', '/points').catch(codeOf);
    startSession({ ...NEW, userId: 2 });
    await pass(3_000);
    await first;
    expect(sent.map(tokenOf)).toEqual(['Bearer old', 'Bearer old']);
    expect(session()?.userId).toBe(2);
  });
});
