import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { call, Problem } from './api.ts';
import { followEvents } from './follow.ts';
import { answerWith, json, pass, standInForBrowser } from './testing.ts';

beforeEach(() => {
  standInForBrowser();
  jest.useFakeTimers({ now: Date.parse('2026-10-21T07:28:00Z') });
});

/** Follows a stream that is refused with this Retry-After. */
function refusedWith(retryAfter: string) {
  const sent = answerWith(() => json({}, 503, { 'retry-after': retryAfter }));
  const leaving = new AbortController();
  const ended = followEvents('/ops/rush/x/events', { signal: leaving.signal }, () => true);
  const leave = () => {
    leaving.abort();
    return ended;
  };
  return { sent, leave };
}

describe('a stream that is refused', () => {
  it.each([
    ['a date', 'Wed, 21 Oct 2026 07:28:05 GMT', 4_900, 6_100],
    ['seconds', '5', 4_900, 6_100],
    ['a date that is over', 'Wed, 21 Oct 2026 07:00:00 GMT', 900, 2_100],
    ['neither', 'soon', 900, 2_100],
    ['an hour', '3600', 59_900, 61_100],
  ])(
    'when it is told %s to wait for, then it is asked again at that time, give or take, and within a minute',
    async (_, told, before, after) => {
      const { sent, leave } = refusedWith(told);
      await pass(before);
      expect(sent).toHaveLength(1);
      await pass(after - before);
      expect(sent).toHaveLength(2);
      await leave();
    },
  );

  it('when many are told the same second, then they do not all come back in the same moment', async () => {
    const all = Array.from({ length: 40 }, () => refusedWith('2'));
    await pass(2_500);
    const back = all.filter(({ sent }) => sent.length > 1).length;
    expect(back).toBeGreaterThan(0);
    expect(back).toBeLessThan(40);
    await Promise.all(all.map(({ leave }) => leave()));
  });

  it('when a stream asks for no pause at all, then it is not opened again at once', async () => {
    const sent = answerWith(() => new Response('retry: 0\n\n', { status: 200 }));
    const leaving = new AbortController();
    const ended = followEvents('/ops/rush/x/events', { signal: leaving.signal }, () => true);
    await pass(400);
    expect(sent).toHaveLength(1);
    leaving.abort();
    await ended;
  });
});

describe('a request that is refused', () => {
  it('when the shop is away for longer than a minute, then it is not sent again too soon: the problem is told', async () => {
    const sent = answerWith(() => json({ code: 'SERVICE_UNAVAILABLE' }, 503, { 'retry-after': '3600' }));
    const answer = call('GET', '/points').catch((error: unknown) => (error instanceof Problem ? error.code : error));
    await pass(200_000);
    expect(await answer).toBe('SERVICE_UNAVAILABLE');
    expect(sent).toHaveLength(1);
  });

  it('when it is told a date, then it is sent again then', async () => {
    const sent = answerWith((_, count) =>
      count === 1 ? json({}, 503, { 'retry-after': 'Wed, 21 Oct 2026 07:28:10 GMT' }) : json({ balance: 1 }),
    );
    const answer = call('GET', '/points');
    await pass(9_900);
    expect(sent).toHaveLength(1);
    await pass(1_200);
    expect(await answer).toMatchObject({ data: { balance: 1 } });
  });
});
